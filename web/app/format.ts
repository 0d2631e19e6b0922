/** Money, times and ages as people read them. */

export interface Formats {
  money(amount: number): string;
  /** As `money`, but whole amounts without their zeros: for buttons. */
  roundMoney(amount: number): string;
  count(count: number): string;
  /** 0.08 as 8 %. */
  percent(fraction: number): string;
  /** 14:03 */
  time(at: number): string;
  /** 14:03 on the day itself, else 3 Jan, 14:03. */
  moment(at: number, now: number): string;
  dateTime(at: number): string;
  /** 3 min ago */
  ago(at: number, now: number, justNow: string): string;
}

/** @param languages BCP 47, best first */
export function formatsFor(languages: readonly string[], currency: string): Formats {
  const tags = knownLanguages(languages);
  const money = new Intl.NumberFormat(tags, { style: "currency", currency });
  const whole = new Intl.NumberFormat(tags, { style: "currency", currency, maximumFractionDigits: 0 });
  const number = new Intl.NumberFormat(tags);
  const percent = new Intl.NumberFormat(tags, { style: "percent", maximumFractionDigits: 3 });
  const time = new Intl.DateTimeFormat(tags, { hour: "numeric", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(tags, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
  const full = new Intl.DateTimeFormat(tags, { dateStyle: "medium", timeStyle: "short" });
  const relative = new Intl.RelativeTimeFormat(tags, { style: "short", numeric: "always" });
  return {
    money: (amount) => money.format(amount),
    roundMoney: (amount) => (Number.isInteger(amount) ? whole : money).format(amount),
    count: (count) => number.format(count),
    percent: (fraction) => percent.format(fraction),
    time: (at) => time.format(at),
    moment: (at, now) => (sameDay(at, now) ? time : day).format(at),
    dateTime: (at) => full.format(at),
    ago(at, now, justNow) {
      const seconds = Math.round((now - at) / 1000);
      if (seconds < 10) return justNow;
      if (seconds < 60) return relative.format(-seconds, "second");
      if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
      if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), "hour");
      return relative.format(-Math.floor(seconds / 86_400), "day");
    },
  };
}

/** Those that Intl knows: a shop may have typed anything, and some browsers give what is no tag ("en-US@posix"), on which Intl throws. */
export function knownLanguages(languages: readonly string[]): string[] {
  return languages.filter((tag) => {
    try {
      return Intl.NumberFormat.supportedLocalesOf(tag).length > 0;
    } catch {
      return false;
    }
  });
}

function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}
