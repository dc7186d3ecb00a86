/** What differs between the figures of one account at two places, figure by figure, and why. Pure. */
import type { Explained, Figures } from "./figures.ts";

export type Value = string | number | boolean | null;

/** @property figure its path within the projection, such as `given.score`; null as a value: there was no such figure. */
export type Change = { projection: string; figure: string; before: Value; after: Value; reason: string | null };

/** @param cause what stands between the two: the type of one event, or `time`; null where it may be anything. */
export function changesBetween(before: Explained, after: Explained, cause: string | null): Change[] {
  const [earlier, later] = [leavesOf(before.figures), leavesOf(after.figures)];
  const valueIn = (leaves: ReadonlyMap<string, Value>, path: string): Value => leaves.get(path) ?? null;
  const changed = [...new Set([...later.keys(), ...earlier.keys()])].filter(
    (path) => valueIn(earlier, path) !== valueIn(later, path),
  );
  const moved = cause === null ? undefined : movedOccurrences(changed, earlier, later, after.figures);
  return changed.map((path) => {
    const [projection = "", ...figure] = path.split(".");
    return {
      projection,
      figure: figure.join("."),
      before: valueIn(earlier, path),
      after: valueIn(later, path),
      reason: after.reasons.get(path) ?? (moved && reasonFrom(moved, cause!, projection, figure[0])) ?? cause,
    };
  });
}

/** Trust forgets as time passes, and by another rule under another policy, whatever its occurrences do. */
const movesTrust = new Set(["time", "PolicyAdopted"]);

/** Trust and keeping follow from occurrences of their direction. */
function reasonFrom(moved: ReadonlyMap<string, string[]>, cause: string, projection: string, direction = ""): string | undefined {
  const told = moved.get(direction);
  if (told === undefined || (projection !== "trust" && projection !== "keeping")) return undefined;
  return [...(projection === "trust" && movesTrust.has(cause) ? [cause] : []), ...told].join("; ");
}

const toldMax = 3;

/** Occurrences that came to stand elsewhere, by the direction of their promise: the first few, and how many more. */
function movedOccurrences(
  changed: readonly string[],
  earlier: ReadonlyMap<string, Value>,
  later: ReadonlyMap<string, Value>,
  { promises = {} }: Figures,
): Map<string, string[]> {
  const byDirection = new Map<string, string[]>();
  for (const path of changed) {
    const [, id, number] = /^promises\.(\w+)\.occurrences\.(\d+)$/.exec(path) ?? [];
    if (id === undefined) continue;
    const { direction = "" } = (promises as Record<string, { direction: string } | undefined>)[id] ?? {};
    const told = byDirection.get(direction) ?? [];
    told.push(`${id} ${number}: ${earlier.get(path) ?? "nothing"} to ${later.get(path) ?? "nothing"}`);
    byDirection.set(direction, told);
  }
  for (const told of byDirection.values())
    if (told.length > toldMax) told.splice(toldMax, told.length, `and ${told.length - toldMax} more`);
  return byDirection;
}

/** Every figure by its path. */
export function leavesOf(figures: Figures, path: string[] = [], leaves = new Map<string, Value>()): Map<string, Value> {
  for (const [name, value] of Object.entries(figures)) {
    if (typeof value === "object" && value !== null) leavesOf(value as Figures, [...path, name], leaves);
    else leaves.set([...path, name].join("."), value as Value);
  }
  return leaves;
}
