import { strings } from "@/app/strings/strings";

/** The catalogue's language, in the way of writing times that the browser's user has for it. */
const locale =
  (typeof navigator === "undefined" ? [] : navigator.languages).find((tag) =>
    tag.startsWith(strings.locale),
  ) ?? strings.locale;
const clockTime = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const dayAndMonth = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const dayMonthYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const longDay = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const weekday = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" });
const weekdayAndTime = new Intl.DateTimeFormat(locale, {
  weekday: "short",
  hour: "numeric",
  minute: "2-digit",
});
const dayAndTime = new Intl.DateTimeFormat(locale, {
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
});
const toTheSecond = new Intl.DateTimeFormat(locale, {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
});
const yearDayAndTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function timeOfDay(iso: string): string {
  return clockTime.format(new Date(iso));
}

export function timeToTheSecond(at: number): string {
  return toTheSecond.format(at);
}

export function dateAndTime(iso: string, now: number): string {
  const date = new Date(iso);
  const thisYear = date.getFullYear() === new Date(now).getFullYear();
  return (thisYear ? dayAndTime : yearDayAndTime).format(date);
}

export function fullTime(iso: string): string {
  return full.format(new Date(iso));
}

/** Short enough for a list: minutes, hours, then a date. */
export function age(iso: string, now: number): string {
  const at = Date.parse(iso);
  const elapsed = now - at;
  if (elapsed < MINUTE) return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(0, "second");
  if (elapsed < HOUR) return unit(Math.floor(elapsed / MINUTE), "minute");
  if (elapsed < DAY) return unit(Math.floor(elapsed / HOUR), "hour");
  const date = new Date(at);
  return date.getFullYear() === new Date(now).getFullYear()
    ? dayAndMonth.format(date)
    : dayMonthYear.format(date);
}

/** The largest one or two units: `42 s`, `12 m`, `3 h 5 m`, `2 d 4 h`. */
export function span(ms: number): string {
  const size = Math.abs(ms);
  if (size < MINUTE) return unit(Math.floor(size / 1_000), "second");
  if (size < HOUR) return unit(Math.floor(size / MINUTE), "minute");
  if (size < DAY) {
    const minutes = Math.floor((size % HOUR) / MINUTE);
    const hours = unit(Math.floor(size / HOUR), "hour");
    return minutes === 0 ? hours : `${hours} ${unit(minutes, "minute")}`;
  }
  const hours = Math.floor((size % DAY) / HOUR);
  const days = unit(Math.floor(size / DAY), "day");
  return hours === 0 ? days : `${days} ${unit(hours, "hour")}`;
}

/** The largest unit alone, for where there is no room. */
export function roughly(ms: number): string {
  const size = Math.abs(ms);
  if (size < MINUTE) return unit(Math.floor(size / 1_000), "second");
  if (size < HOUR) return unit(Math.floor(size / MINUTE), "minute");
  if (size < DAY) return unit(Math.floor(size / HOUR), "hour");
  return unit(Math.floor(size / DAY), "day");
}

const units = new Map<string, Intl.NumberFormat>();
function unit(value: number, name: string): string {
  let format = units.get(name);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "narrow" });
    units.set(name, format);
  }
  return format.format(value);
}

export function dayLabel(iso: string, now: number): string {
  const date = new Date(iso);
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return strings.ticket.today;
  const yesterday = new Date(now - DAY);
  if (date.toDateString() === yesterday.toDateString()) return strings.ticket.yesterday;
  return date.getFullYear() === today.getFullYear() ? longDay.format(date) : dayMonthYear.format(date);
}

export function dayOfYear(iso: string): string {
  return dayAndMonth.format(new Date(iso));
}

/** `Mon`, from Monday on. */
export function weekdays(): string[] {
  // The fifth of January 1970 was a Monday.
  return Array.from({ length: 7 }, (_, day) => weekday.format(new Date(Date.UTC(1970, 0, 5 + day, 12))));
}

export function whenSoon(iso: string, now: number): string {
  const at = Date.parse(iso);
  return at - now < 6 * DAY ? weekdayAndTime.format(at) : dayMonthYear.format(at);
}

export function list(names: string[]): string {
  return new Intl.ListFormat(locale, { type: "conjunction" }).format(names);
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale).format(value);
}

/** A file's size, roughly. */
export function bytes(size: number): string {
  const [value, name] =
    size < 1_000
      ? [size, "byte"]
      : size < 1_000_000
        ? [size / 1_000, "kilobyte"]
        : [size / 1_000_000, "megabyte"];
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: name as string,
    unitDisplay: "short",
    maximumFractionDigits: (value as number) < 10 ? 1 : 0,
  }).format(value as number);
}

const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });

/** Of a part from 0 to 1. */
export function percent(part: number): string {
  return share.format(part);
}

const dollars = new Intl.NumberFormat(locale, {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 4,
});

export function usd(amount: number): string {
  return dollars.format(amount);
}

/** A language as it is called here: `fr` is French. */
export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames(locale, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
