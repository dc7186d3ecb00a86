/** Accounts and people as the log tells of them: what may be said of each, and who stands on which side of a promise. */
import { account, type AccountCommand, type AccountEvent, type AccountState } from "../domain/account.ts";
import type { Recorded } from "../domain/decider.ts";
import { DomainError } from "../domain/errors.ts";
import { person, type PersonCommand, type PersonEvent, type PersonState } from "../domain/person.ts";
import { isEqual } from "../domain/promise/facts.ts";
import { type AccountId, isAccount, type PartyId, type PersonId, type PromiseDirection } from "../domain/values.ts";
import type { LeafEvent } from "./leaf-event.ts";
import type { Work } from "./work.ts";

type Side = "ours" | "theirs";
type Known<State> = { state: State; revision: number };

export class Parties {
  readonly #accounts = new Map<string, Known<AccountState>>();
  readonly #people = new Map<string, Known<PersonState>>();
  readonly #isWhole: (event: LeafEvent) => boolean;
  readonly #work: Work;

  /** @param isWhole whether all events of the event's stream come; whoever is not told of wholly is not judged. */
  constructor(isWhole: (event: LeafEvent) => boolean, work: Work) {
    this.#isWhole = isWhole;
    this.#work = work;
  }

  /** Takes up an event. @returns why no ledger can have recorded it; undefined where one can. */
  apply(event: LeafEvent): string | undefined {
    if (event.stream.startsWith("account-")) return this.#onAccount(event as unknown as Recorded<AccountEvent>, event);
    if (event.stream.startsWith("person-")) return this.#onPerson(event as unknown as Recorded<PersonEvent>, event);
    switch (event.type) {
      case "PromiseMade":
        return this.#unopened(event, event.data.account) ?? this.#wrongSides(event, event.data);
      case "InteractionRecorded":
      case "AgreementMade":
      case "OutcomeRecorded":
        return this.#unopened(event, event.data.account);
      default:
        return undefined;
    }
  }

  #onAccount(event: Recorded<AccountEvent>, leaf: LeafEvent): string | undefined {
    const id = event.stream.slice("account-".length) as AccountId;
    const state = stateBefore(this.#accounts, event, account.initialState);
    if (state === undefined) return this.#isWhole(leaf) ? "the account had not been opened" : undefined;
    this.#accounts.set(event.stream, { state: account.evolve(state, event), revision: event.revision });
    return refusal(() => account.decide({ ...accountCommandOf(event, leaf), id }, state), event);
  }

  #onPerson(event: Recorded<PersonEvent>, leaf: LeafEvent): string | undefined {
    const id = event.stream.slice("person-".length) as PersonId;
    const state = stateBefore(this.#people, event, person.initialState);
    if (state === undefined) return this.#isWhole(leaf) ? "the person had not been added" : undefined;
    if (state.status !== "none") this.#work.spend(state.places.length);
    this.#people.set(event.stream, { state: person.evolve(state, event), revision: event.revision });
    return refusal(() => person.decide({ ...personCommandOf(event, leaf), id } as PersonCommand, state), event);
  }

  #unopened(event: LeafEvent, id: AccountId): string | undefined {
    if (this.#accounts.has(`account-${id}`) || !this.#isWhole(event)) return undefined;
    return `it concerns ${id}, which had not been opened`;
  }

  #wrongSides(
    event: LeafEvent,
    {
      account,
      promisor,
      promisee,
      direction,
    }: { account: AccountId; promisor: PartyId; promisee: PartyId; direction: PromiseDirection },
  ): string | undefined {
    const [from, to]: [Side, Side] = direction === "given" ? ["ours", "theirs"] : ["theirs", "ours"];
    for (const [party, side] of [
      [promisor, from],
      [promisee, to],
    ] as const) {
      const sides = this.#sidesOf(party, account);
      if (sides.length === 0 && this.#isWhole(event)) return `${party} is nobody whom the log has told of, or of another account`;
      if (sides.length > 0 && !sides.includes(side))
        return `it is said to be ${direction}, and ${party} stands on the other side`;
    }
    return undefined;
  }

  /** Every side on which a party ever stood so far: which of its places a node had in mind may be a moment old. */
  #sidesOf(party: PartyId, account: AccountId): Side[] {
    if (party === "house") return ["ours"];
    if (isAccount(party)) return party === account ? ["theirs"] : [];
    const state = this.#people.get(`person-${party}`)?.state;
    if (state === undefined || state.status === "none") return [];
    this.#work.spend(state.places.length);
    return state.places.flatMap((place): Side[] =>
      place.account === undefined ? ["ours"] : place.account === account ? ["theirs"] : [],
    );
  }
}

/** Undefined where the events before it are not all here. */
function stateBefore<State>(
  known: Map<string, Known<State>>,
  { stream, revision }: LeafEvent | { stream: string; revision: number },
  initial: State,
) {
  if (revision === 0) return initial;
  const before = known.get(stream);
  if (before?.revision === revision - 1) return before.state;
  known.delete(stream);
  return undefined;
}

function refusal(
  decide: () => { type: string; data: unknown; account?: AccountId }[],
  event: { type: string; data: unknown; account?: AccountId },
): string | undefined {
  try {
    const [draft] = decide();
    if (draft === undefined) return "it changes nothing, which a ledger does not record";
    if (draft.account !== event.account)
      return `it concerns ${draft.account ?? "no account"}, and says that it concerns ${event.account ?? "none"}`;
    return isEqual(draft.data, event.data) ? undefined : "a ledger would have recorded it otherwise";
  } catch (error) {
    if (error instanceof DomainError) return `a ledger refuses it (${error.code}): ${error.message}`;
    throw error;
  }
}

/** What was sealed is not seen, only that there was something. */
const sealedIn = ({ sealed }: LeafEvent) => (sealed.length > 0 ? { note: "" } : {});

function accountCommandOf(event: Recorded<AccountEvent>, leaf: LeafEvent): AccountCommand {
  const at = event.occurredAt;
  switch (event.type) {
    case "AccountOpened":
      return { type: "OpenAccount", ...event.data, sealed: {}, at };
    case "AccountChanged":
      return { type: "ChangeAccount", ...event.data, sealed: sealedIn(leaf), at };
    case "AccountAssigned":
      return { type: "AssignAccount", ...event.data, at };
    case "AccountClosed":
      return { type: "CloseAccount", at };
    case "AccountReopened":
      return { type: "ReopenAccount", at };
  }
}

function personCommandOf(event: Recorded<PersonEvent>, leaf: LeafEvent): object {
  const at = event.occurredAt;
  switch (event.type) {
    case "PersonAdded":
      return { type: "AddPerson", ...event.data, sealed: {}, at };
    case "PersonChanged":
      return { type: "ChangePerson", sealed: sealedIn(leaf), at };
    case "PersonMoved":
      return { type: "MovePerson", ...event.data, at };
    case "PersonLeft":
      return { type: "LeavePerson", at };
  }
}
