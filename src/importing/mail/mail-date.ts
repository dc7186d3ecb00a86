/** Dates of headers (RFC 5322, sections 3.3 and 4.3), as instants. */
import { type Instant, instantAt } from "../../domain/values.ts";

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Zones that had names once; every other name, a military letter among them, tells nothing and counts as UTC. */
const namedZones: Record<string, number> = {
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
};

const form =
  /^(?:[a-z]+\s*,?\s+)?(\d{1,2})\s*[ -]\s*([a-z]{3})[a-z]*\s*[ -]\s*(\d{2,5})\s+(\d{1,2})\s*:\s*(\d\d)(?:\s*:\s*(\d\d)(?:\.\d+)?)?(?:\s+(?:([+-])(\d\d):?(\d\d)|([a-z]+)))?\b/i;

/** @returns undefined for what is no date. */
export function mailDate(written: string): Instant | undefined {
  const found = form.exec(withoutComments(written).trim());
  if (found === null) return undefined;
  const [, day, month, year, hour, minute, second = "0", sign, zoneHours, zoneMinutes, zone = ""] = found;
  try {
    const local = Temporal.PlainDateTime.from(
      {
        year: fullYear(year!),
        month: months.indexOf(month!.toLowerCase()) + 1,
        day: Number(day),
        hour: Number(hour),
        minute: Number(minute),
        second: Math.min(Number(second), 59),
      },
      { overflow: "reject" },
    );
    const offset =
      sign === undefined
        ? (namedZones[zone.toLowerCase()] ?? 0)
        : (sign === "-" ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes));
    return instantAt(local.toZonedDateTime("UTC").epochMilliseconds - offset * 60_000);
  } catch {
    return undefined;
  }
}

/** Two digits from 50 on are of the last century, three count from 1900 (section 4.3). */
function fullYear(written: string): number {
  const year = Number(written);
  if (written.length === 2) return year < 50 ? 2_000 + year : 1_900 + year;
  return written.length === 3 ? 1_900 + year : year;
}

function withoutComments(text: string): string {
  let depth = 0;
  let kept = "";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\" && depth > 0) at += 1;
    else if (text[at] === "(") depth += 1;
    else if (text[at] === ")" && depth > 0) depth -= 1;
    else if (depth === 0) kept += text[at];
  }
  return kept;
}
