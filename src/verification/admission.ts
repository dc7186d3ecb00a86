/** What no ledger can have recorded, whoever signed it: an event by a key that could not, of somebody who was not there, or twice. */
import type { TrothEvent } from "../domain/catalogue.ts";
import { Keys } from "./keys.ts";
import type { LeafEvent } from "./leaf-event.ts";
import { Parties } from "./parties.ts";
import type { Work } from "./work.ts";

export type Completeness = {
  /** Whether all events of the event's stream come. */
  isWhole(event: LeafEvent): boolean;
  /** Whether the key that recorded an event comes too. */
  knowsKeysOf(event: LeafEvent): boolean;
};

/** The first event of each stream, and no other. Of what is not named here a stream may hold any number in any order. */
const begins = new Set<TrothEvent["type"]>([
  ...(["AccountOpened", "PersonAdded", "InteractionRecorded", "AgreementMade", "PromiseMade", "OutcomeRecorded"] as const),
  "KeyIssued",
]);
const begun = /^(account|person|interaction|agreement|promise|outcome|key)-/;
const ofNoAccount = /^(ledger$|key-|policy-|anchor-)/;

export class Admission {
  readonly #keys: Keys;
  readonly #parties: Parties;

  constructor({ isWhole, knowsKeysOf }: Completeness, work: Work) {
    this.#keys = new Keys(knowsKeysOf);
    this.#parties = new Parties(isWhole, work);
  }

  /** Takes up an event. @returns what is wrong with it: at most one thing of each kind. */
  faultsOf(event: LeafEvent, isVerdict: boolean): readonly string[] {
    const faults = [misplacedIn(event), this.#parties.apply(event), this.#keys.apply(event, isVerdict)];
    return faults.every((fault) => fault === undefined) ? none : faults.filter((fault) => fault !== undefined);
  }
}

const none: readonly string[] = [];

function misplacedIn({ type, stream, revision, account }: LeafEvent): string | undefined {
  if (begun.test(stream) && begins.has(type) !== (revision === 0))
    return revision === 0 ? `a stream can't begin with ${type}` : `${type} is the first event of its stream, and of no other`;
  return account !== undefined && ofNoAccount.test(stream)
    ? `it concerns no account, and says that it concerns ${account}`
    : undefined;
}
