/**
 * Sealed text: what is disclosed must be what was committed to, and what is said to be erased must be covered by an erasure in the
 * log. Whatever else is missing is withheld from this auditor, and said to be so.
 */
import { commitmentOf } from "../audit/commitment.ts";
import type { Opening } from "./bundle-format.ts";
import { type LeafEvent, nameOf } from "./leaf-event.ts";
import type { Inquiry, LeafName, Report } from "./report.ts";

/** Of one data subject. */
type Subject = {
  sealed: number;
  opened: number;
  /** Segments up to the erasure, and those of them that were disclosed all the same. */
  erased: number;
  erasedOpened: number;
  erasedAt: number | undefined;
  /** The first text that is said to be erased while no erasure has come yet. */
  claimed: LeafName | undefined;
  isSealedAgain: boolean;
};

/** An event with sealed text whose openings are still to come. */
export type SealedLeaf = { leaf: LeafName; event: LeafEvent };

export class Disclosures {
  readonly #inquiry: Inquiry;
  readonly #subjects = new Map<string, Subject>();

  constructor(inquiry: Inquiry) {
    this.#inquiry = inquiry;
  }

  sealed(event: LeafEvent): void {
    for (const { subject } of event.sealed) {
      const one = this.#subjectOf(subject);
      one.sealed += 1;
      if (one.erasedAt !== undefined) this.#tellSealedAgain(one, subject, nameOf(event, event.position - 1));
    }
  }

  /** `SubjectErased` covers every leaf before it. */
  erased(subject: string, leaf: LeafName): void {
    this.#inquiry.note(
      "subject-erased",
      `the text of ${subject} was erased; what was sealed before can't be opened by anybody`,
      leaf,
    );
    const one = this.#subjectOf(subject);
    one.erasedAt ??= leaf.index;
    one.erased = one.sealed;
    one.erasedOpened = one.opened;
    one.claimed = undefined;
  }

  /** @param leaves those that the openings may be of. */
  opened(openings: readonly Opening[], leaves: readonly SealedLeaf[], file: string): void {
    const byEvent = new Map(leaves.map((one) => [one.event.id as string, one]));
    const used = new Set<string>();
    for (const opening of openings) {
      this.#inquiry.checked("openings");
      const { event, subject, field } = opening;
      const sealed = byEvent.get(event);
      const place = sealed?.event.sealed.findIndex((one, at) => isFor(one, opening) && !used.has(`${event} ${at}`)) ?? -1;
      if (sealed === undefined || place < 0) {
        this.#failed(`${event} seals no text ${field} of ${subject}, or the file opens it twice`, sealed?.leaf, file);
        continue;
      }
      used.add(`${event} ${place}`);
      this.#open(opening, sealed, sealed.event.sealed[place]!.commitment, file);
    }
  }

  end(): Report["text"] {
    const text = { opened: 0, erased: 0, withheld: 0 };
    for (const [subject, { sealed, opened, erased, erasedOpened, claimed }] of this.#subjects) {
      if (claimed !== undefined)
        this.#failed(`text of ${subject} is said to be erased, and no SubjectErased after it says so: it is withheld`, claimed);
      const withheld = sealed - opened - (erased - erasedOpened);
      text.opened += opened;
      text.erased += erased - erasedOpened;
      text.withheld += withheld;
    }
    if (text.withheld > 0)
      this.#inquiry.note(
        "text-withheld",
        `${text.withheld} sealed texts are not shown to this auditor, and could be: they are withheld, not erased`,
      );
    return text;
  }

  /** Once for each: an erasure leaves no key behind, and no new one is made for whoever was erased. */
  #tellSealedAgain(one: Subject, subject: string, leaf: LeafName): void {
    if (one.isSealedAgain) return;
    one.isSealedAgain = true;
    this.#inquiry.note("subject-erased", `text of ${subject} was recorded after the erasure, which does not cover it`, leaf);
  }

  #open(opening: Opening, { leaf }: SealedLeaf, commitment: string, file: string): void {
    const one = this.#subjectOf(opening.subject);
    if ("erased" in opening) {
      const isCovered = one.erasedAt !== undefined && one.erasedAt > leaf.index;
      if (!isCovered) one.claimed ??= leaf;
      return;
    }
    one.opened += 1;
    if (one.erasedAt !== undefined && one.erasedAt > leaf.index) one.erasedOpened += 1;
    if (commitmentOf(opening.salt, opening.value) !== commitment)
      this.#failed(`the text given for ${opening.field} of ${opening.subject} is not what the leaf commits to`, leaf, file);
  }

  #subjectOf(id: string): Subject {
    const known = this.#subjects.get(id);
    if (known !== undefined) return known;
    const subject: Subject = {
      sealed: 0,
      opened: 0,
      erased: 0,
      erasedOpened: 0,
      erasedAt: undefined,
      claimed: undefined,
      isSealedAgain: false,
    };
    this.#subjects.set(id, subject);
    return subject;
  }

  #failed(message: string, leaf: LeafName | undefined, file?: string): void {
    this.#inquiry.failed("openings", message, {
      ...(leaf === undefined ? {} : { leaf }),
      ...(file === undefined ? {} : { file }),
    });
  }
}

const isFor = (commitment: { subject: string; field: string }, opening: Opening): boolean =>
  commitment.subject === opening.subject && commitment.field === opening.field;
