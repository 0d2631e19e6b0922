/** What a measure hands back: figures, each with the limit of the same run beside it, and plots. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** For programs that read results: stays the same whatever `what` says. */
  readonly id?: string;
  /** The baseline that it is judged by. */
  readonly limit?: { readonly name: string; readonly value: number };
  /** `ratio` is value / limit. */
  readonly aim?: { readonly text: string; readonly holds: boolean };
}

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly logY?: boolean;
  readonly series: readonly Series[];
}

export interface MeasureResult {
  readonly figures: readonly Figure[];
  readonly plots?: readonly Plot[];
  readonly notes?: readonly string[];
}

export function ratioOf({ value, limit }: Figure): number | null {
  return limit ? value / limit.value : null;
}

/** @param aim ratio to the limit that the figure shall reach or not exceed */
export function judged(
  figure: Omit<Figure, "aim">,
  aim: { readonly atLeast: number } | { readonly atMost: number },
  name = figure.limit?.name ?? "",
): Figure {
  const ratio = ratioOf(figure) ?? Number.NaN;
  const [text, holds] =
    "atLeast" in aim
      ? [`>= ${aim.atLeast} x ${name}`, ratio >= aim.atLeast]
      : [`<= ${aim.atMost} x ${name}`, ratio <= aim.atMost];
  return { ...figure, aim: { text, holds } };
}

/** @param aim the value itself that the figure shall reach or not exceed */
export function judgedAt(
  figure: Omit<Figure, "aim">,
  aim: { readonly atLeast: number } | { readonly atMost: number },
): Figure {
  const { value, unit } = figure;
  return "atLeast" in aim
    ? judgedBy(figure, `>= ${aim.atLeast.toLocaleString("en-GB")} ${unit}`, value >= aim.atLeast)
    : judgedBy(figure, `<= ${aim.atMost.toLocaleString("en-GB")} ${unit}`, value <= aim.atMost);
}

export function judgedBy(figure: Omit<Figure, "aim">, text: string, holds: boolean): Figure {
  return { ...figure, aim: { text, holds } };
}
