/** The way from an event's hash up to the signed root, as a picture and as a list. */
import type { PathStep } from "../audit/merkle.ts";
import { drawn, element, folded } from "./elements.ts";

export type Path = {
  leafHash: Uint8Array;
  index: number;
  size: number;
  steps: PathStep[];
  root: Uint8Array;
  leadsToRoot: boolean;
};

const box = { width: 168, height: 36 };
const rowHeight = 66;
const middle = 300;
const aside = 200;

const hexOf = (hash: Uint8Array): string => Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
const shortOf = (hash: Uint8Array): string => `${hexOf(hash).slice(0, 10)}…`;

/** Bottom up: the event's own hash, at each step the sibling that the receipt brings, and at the top what the log signed. */
export function pathPicture(path: Path): HTMLElement {
  const { steps, leadsToRoot, root } = path;
  const rowCount = steps.length + (leadsToRoot ? 1 : 2);
  const height = rowCount * rowHeight + 8;
  const yOf = (level: number) => height - (level + 1) * rowHeight + rowHeight - box.height - 4;
  // Which step went wrong can't be known, so the whole way is marked.
  const mark = leadsToRoot ? "on" : "off";
  const lines: SVGElement[] = [];
  const boxes: SVGElement[] = [hashBox(middle, yOf(0), path.leafHash, mark, "your event")];
  for (const [level, { sibling, side, node }] of steps.entries()) {
    const x = side === "left" ? middle - aside : middle + aside;
    const isTop = level === steps.length - 1;
    lines.push(edge(middle, yOf(level), yOf(level + 1), mark), edge(x, yOf(level), yOf(level + 1), ""));
    boxes.push(hashBox(x, yOf(level), sibling, "", "from the receipt"));
    boxes.push(hashBox(middle, yOf(level + 1), node, mark, isTop && leadsToRoot ? "the root that was signed" : "computed"));
  }
  if (!leadsToRoot) {
    lines.push(edge(middle, yOf(rowCount - 2), yOf(rowCount - 1), "off"));
    boxes.push(hashBox(middle, yOf(rowCount - 1), root, "", "what was signed instead"));
  }
  const label = leadsToRoot
    ? `The event's hash leads in ${steps.length} steps to the root that was signed.`
    : `The event's hash leads in ${steps.length} steps to another root than the one that was signed.`;
  const picture = drawn(
    "svg",
    { class: "path", viewBox: `0 0 ${2 * middle} ${height}`, width: 2 * middle, height, role: "img", "aria-label": label },
    ...lines,
    ...boxes,
  );
  return element("figure", {}, element("figcaption", {}, label), picture, folded("The same as a list", pathList(path)));
}

function hashBox(x: number, y: number, hash: Uint8Array, mark: string, name: string): SVGElement {
  return drawn(
    "g",
    { class: mark },
    drawn("rect", { x: x - box.width / 2, y, width: box.width, height: box.height, rx: 8 }),
    drawn("text", { x, y: y + 14, class: "name" }, name),
    drawn("text", { x, y: y + 28 }, shortOf(hash)),
  );
}

/** From the top of a box below to the bottom of the one in the middle above. */
const edge = (x: number, yBelow: number, yAbove: number, mark: string): SVGElement =>
  drawn("line", { x1: x, y1: yBelow, x2: middle, y2: yAbove + box.height, class: mark });

function pathList({ leafHash, steps, root }: Path): HTMLElement {
  const items = [
    `SHA-256 of a zero byte and the event: ${hexOf(leafHash)}`,
    ...steps.map(({ sibling, side, node }) =>
      side === "left" ? `with ${hexOf(sibling)} before it: ${hexOf(node)}` : `with ${hexOf(sibling)} after it: ${hexOf(node)}`,
    ),
    `the root that was signed: ${hexOf(root)}`,
  ];
  return element("ol", { class: "small" }, ...items.map((text) => element("li", {}, element("code", {}, text))));
}
