/** What the check of a dossier found, as elements: the steps, and the story that it tells. */
import { momentOf, type DossierOutcome } from "./dossier-check.ts";
import type { Story, StoryEvent } from "./dossier-story.ts";
import { element, factList, folded } from "./elements.ts";
import { rowsOf, sentenceOf } from "./event-story.ts";
import { stepList } from "./receipt-report.ts";

export function dossierReport({ steps, report, story, skippedCount = 0 }: DossierOutcome): HTMLElement[] {
  const parts: HTMLElement[] = steps.length > 0 ? [stepList(steps)] : [];
  if (report?.bundle !== undefined) {
    const { origin, size, account, promise } = report.bundle;
    const { opened, erased, withheld } = report.text;
    parts.push(
      element("h3", {}, "What it is"),
      factList([
        ["Ledger", origin],
        ["Events in the ledger", String(size)],
        ...(account === undefined ? [] : ([["Account", account]] as const)),
        ...(promise === undefined ? [] : ([["Promise", promise]] as const)),
        ["Complete up to", momentOf(report.completeUpTo)],
        ["Sealed texts", `${opened} opened, ${erased} erased, ${withheld} not shown to you`],
      ]),
    );
  }
  if (report !== undefined && report.notes.length > 0)
    parts.push(
      element("h3", {}, "Worth knowing"),
      element("ul", {}, ...report.notes.map(({ message }) => element("li", {}, message))),
    );
  if (story !== undefined) parts.push(...storyParts(story, skippedCount));
  return parts;
}

function storyParts(story: Story, skippedCount: number): HTMLElement[] {
  const { events } = story;
  const promises = events.filter(({ envelope }) => envelope.type === "PromiseMade" && isAsked(story, envelope.stream));
  const told = events.filter(({ envelope }) => envelope.account === story.account);
  const inTime = told.toSorted((a, b) => ((a.envelope.occurredAt ?? "") < (b.envelope.occurredAt ?? "") ? -1 : 1));
  return [
    ...promises.map((made) => promiseCard(made, events, namesIn(events))),
    element("h3", {}, "The story, as it was recorded"),
    element("ol", { class: "story" }, ...inTime.map(storyItem)),
    ...(skippedCount > 0 ? [element("p", { class: "small" }, `${skippedCount} more were checked and are not shown here.`)] : []),
  ];
}

const isAsked = ({ promise }: Story, stream: string | undefined): boolean =>
  promise === undefined || stream === `promise-${promise}`;

type Facts = Record<string, never>;

/** Names that were disclosed, by the id of whom they name. */
const namesIn = (events: readonly StoryEvent[]): Map<string, string> =>
  new Map(
    events.flatMap(({ envelope, texts }) => {
      const name = texts.find(({ field }) => field === "name")?.text;
      const [, id] = /^(?:person|account)-(.+)$/.exec(envelope.stream ?? "") ?? [];
      return name === undefined || id === undefined ? [] : [[id, name] as const];
    }),
  );

const named = (id = "", names: ReadonlyMap<string, string>): string => {
  const name = names.get(id);
  return name === undefined ? id : `${name} (${id})`;
};

/** One promise: its words, its terms, and how it went, occurrence by occurrence. */
function promiseCard(
  { envelope, texts }: StoryEvent,
  events: readonly StoryEvent[],
  names: ReadonlyMap<string, string>,
): HTMLElement {
  const { promisor, promisee, kind, offer } = (envelope.data ?? {}) as Record<string, string> & {
    offer?: { terms?: Facts; matcher?: Facts };
  };
  const text = texts.find(({ field }) => field === "text")?.text;
  const verdicts = verdictsOf(events.filter((one) => one.envelope.stream === envelope.stream));
  const kept = [...verdicts.values()].filter(({ isKept }) => isKept).length;
  return element(
    "section",
    { class: "promise" },
    element("h3", {}, "The promise"),
    ...(text === undefined ? [] : [element("blockquote", {}, text)]),
    factList([
      ["By", named(promisor, names)],
      ["To", named(promisee, names)],
      ["Kind", kind ?? ""],
      ["Terms", termsOf(offer?.terms ?? {})],
      ...(offer?.matcher === undefined ? [] : ([["What counts", matcherOf(offer.matcher)]] as const)),
    ]),
    verdicts.size === 0
      ? element("p", {}, "No verdict is on record yet.")
      : element(
          "p",
          {},
          element("strong", {}, `${kept} of ${verdicts.size} kept. `),
          "Each follows from the facts below; this page computed it again.",
        ),
    element(
      "ol",
      { class: "verdicts" },
      ...[...verdicts].sort(([a], [b]) => a - b).map(([number, one]) => verdictItem(number, one)),
    ),
  );
}

type Verdict = { isKept: boolean; says: string };

/** The last verdict of each occurrence that was not withdrawn. */
function verdictsOf(events: readonly StoryEvent[]): Map<number, Verdict> {
  const verdicts = new Map<number, Verdict>();
  for (const { envelope } of events) {
    const { occurrence, verdict, keptAt, brokenAt } = (envelope.data ?? {}) as {
      occurrence: number;
      verdict?: string;
      keptAt?: string;
      brokenAt?: string;
    };
    if (envelope.type === "PromiseKept")
      verdicts.set(occurrence, { isKept: true, says: `${verdict?.replace("-", " ") ?? "kept"}, ${dayOf(keptAt)}` });
    if (envelope.type === "PromiseBroken") verdicts.set(occurrence, { isKept: false, says: `broken, ${dayOf(brokenAt)}` });
    if (envelope.type === "VerdictWithdrawn") verdicts.delete(occurrence);
  }
  return verdicts;
}

const verdictItem = (number: number, { isKept, says }: Verdict): HTMLElement =>
  element(
    "li",
    { class: isKept ? "kept" : "broken" },
    element("span", { "aria-hidden": "true" }, isKept ? "✓ " : "✗ "),
    `${number}: ${says}`,
  );

const dayOf = (instant: string | undefined): string => instant?.slice(0, 10) ?? "";

/** Terms in a sentence; what has no words here stands as it is. */
function termsOf(terms: Record<string, unknown>): string {
  const { type, rrule, from, until, dueAt } = terms as Record<string, string | undefined>;
  if (type === "recurring") return `${ruleOf(rrule ?? "")}, from ${dayOf(from)} until ${dayOf(until)}`;
  if (type === "abstain") return `not to do it from ${dayOf(from)} until ${dayOf(until)}`;
  return dueAt === undefined ? "once, without a date" : `once, by ${dayOf(dueAt)}`;
}

function ruleOf(rule: string): string {
  const parts = new Map(rule.split(";").map((part) => part.split("=") as [string, string]));
  const unit = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" }[parts.get("FREQ") ?? ""];
  const isPlain = [...parts.keys()].every((name) => name === "FREQ" || name === "INTERVAL");
  if (unit === undefined || !isPlain) return rule;
  const every = Number(parts.get("INTERVAL") ?? 1);
  return every === 1 ? `every ${unit}` : `every ${every} ${unit}s`;
}

const matcherWords: Record<string, string> = {
  kinds: "",
  purposes: "for ",
  minMinutes: "of at least this many minutes: ",
  tagsWith: "with ",
  tagsWithout: "without ",
  participants: "with all of ",
};
const matcherOf = (matcher: Record<string, unknown>): string =>
  Object.entries(matcher)
    .map(([name, value]) => `${matcherWords[name] ?? `${name} `}${Array.isArray(value) ? value.join(", ") : String(value)}`)
    .join("; ");

const storyItem = ({ index, envelope, texts }: StoryEvent): HTMLElement =>
  element(
    "li",
    { class: toneOf(envelope.type) },
    element("time", { datetime: envelope.occurredAt ?? "" }, dayOf(envelope.occurredAt)),
    element(
      "div",
      {},
      element("p", {}, sentenceOf(envelope)),
      ...texts.flatMap(({ text }) => (text === undefined ? [] : [element("blockquote", {}, text)])),
      folded(`Details of event number ${index + 1}`, factList(rowsOf(envelope))),
    ),
  );

const toneOf = (type: string | undefined): string => (type === "PromiseKept" ? "kept" : type === "PromiseBroken" ? "broken" : "");
