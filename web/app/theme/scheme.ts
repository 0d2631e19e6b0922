/**
 * Light or dark, whatever the system is. The dark values stand in media queries (tokens.css): what is chosen makes these queries hold, or not.
 */
export const SCHEMES = ["system", "light", "dark"] as const;
export type Scheme = (typeof SCHEMES)[number];

/** Of the device: read before anything is drawn. */
export const SCHEME_MEMORY = "tillwire.scheme";
const QUERY = /\(prefers-color-scheme:\s*(light|dark)\)/g;
/** Holds wherever media queries are known. */
const [ALWAYS, NEVER] = ["(min-width: 0)", "(max-width: 0)"];

export function readScheme(text: string | null): Scheme {
  return SCHEMES.find((scheme) => scheme === text) ?? "system";
}

/** The query with what it asks about the system's colours decided. */
export function decidedQuery(query: string, scheme: Scheme): string {
  if (scheme === "system") return query;
  return query.replaceAll(QUERY, (_, asked) => (asked === scheme ? ALWAYS : NEVER));
}

const originals = new WeakMap<object, string>();

/** Draws the page in it from now on. */
export function applyScheme(scheme: Scheme, page: Document = document): void {
  const decide = (media: { mediaText: string }): void => {
    const original = originals.get(media) ?? media.mediaText;
    originals.set(media, original);
    const decided = decidedQuery(original, scheme);
    if (media.mediaText !== decided) media.mediaText = decided;
  };
  const walk = (rules: CSSRuleList): void => {
    for (const rule of rules) {
      if (rule instanceof CSSMediaRule && QUERY.test(originals.get(rule.media) ?? rule.media.mediaText))
        decide(rule.media);
      QUERY.lastIndex = 0;
      if ("cssRules" in rule) walk(rule.cssRules as CSSRuleList);
    }
  };
  for (const sheet of page.styleSheets) walk(sheet.cssRules);
  for (const meta of page.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const original = originals.get(meta) ?? meta.media;
    originals.set(meta, original);
    meta.media = decidedQuery(original, scheme);
  }
  page.documentElement.style.colorScheme = scheme === "system" ? "" : scheme;
}
