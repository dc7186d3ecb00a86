/** What the check of a receipt found, as elements. */
import { element, factList, folded } from "./elements.ts";
import { rowsOf, sentenceOf } from "./event-story.ts";
import { pathPicture } from "./path-picture.ts";
import type { ReceiptOutcome, Step } from "./receipt-check.ts";

const marks: Record<Step["state"], [mark: string, spoken: string]> = {
  passed: ["✓", "Passed: "],
  failed: ["✗", "Failed: "],
  unmet: ["!", "Not shown: "],
  open: ["–", "Not reached: "],
};

export const stepList = (steps: readonly Step[]): HTMLElement =>
  element(
    "ol",
    { class: "steps" },
    ...steps.map(({ name, state, says }) => {
      const [mark, spoken] = marks[state];
      return element(
        "li",
        { class: state },
        element("span", { class: "mark", "aria-hidden": "true" }, mark),
        element("span", { class: "name" }, element("span", { class: "visually-hidden" }, spoken), name),
        element("span", { class: "says" }, says),
      );
    }),
  );

export function receiptReport({ state, steps, path, event, head, quorum }: ReceiptOutcome): HTMLElement[] {
  const parts = [stepList(steps)];
  if (event !== undefined && (state === "proved" || state === "unwitnessed")) {
    parts.push(element("h3", {}, "What stands there"));
    if (event.envelope === undefined) parts.push(element("p", {}, "Not an event of a ledger, but these bytes:"));
    else parts.push(element("p", {}, sentenceOf(event.envelope)), factList(rowsOf(event.envelope)));
    parts.push(folded("Exactly what was hashed", element("pre", {}, event.text)));
  }
  if (head !== undefined) {
    const witnessed = head.cosignatures.map(({ key, time }) => `${key.name}, ${instantOf(time)}`);
    parts.push(
      element("h3", {}, "What the log signed"),
      factList([
        ["Ledger", head.origin],
        ["Events in it", String(head.size)],
        ["Seen by", witnessed.length > 0 ? witnessed.join("; ") : "no witness that you named"],
        ...(quorum?.met && quorum.time !== undefined ? ([["Recorded at the latest", instantOf(quorum.time)]] as const) : []),
      ]),
    );
  }
  if (path !== undefined) parts.push(element("h3", {}, "The way from the event to the signature"), pathPicture(path));
  return parts;
}

const instantOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace("T", ", ").replace(".000Z", " UTC");
