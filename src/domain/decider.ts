/** The shape that every aggregate has: what is stored, what may be asked, and what follows. Pure: no clock, no I/O, no randomness. */
import type { z } from "zod";
import type { AccountId, EventId, Instant, KeyId, PartyId, SubjectId } from "./values.ts";

/** The union of `{type, data}` that a table of event schemas describes. */
export type EventOf<Schemas extends Record<string, z.ZodType>> = {
  [Type in keyof Schemas & string]: { type: Type; data: z.infer<Schemas[Type]> };
}[keyof Schemas & string];

export type AnyEvent = { type: string; data: unknown };

/** Personal text on its way to the vault. It never enters `data`: the leaf carries a commitment, the ciphertext lies beside it. */
export type PersonalField = { subject: SubjectId; field: string; value: string };

/** What a decision asks to be recorded. `account` is the one account concerned, for the index and the census. */
export type Draft<Event extends AnyEvent> = Event & {
  account?: AccountId;
  personal?: readonly PersonalField[];
  /** Where it differs from when the command says things happened. */
  occurredAt?: Instant;
};

/** Parts of Troth that record by themselves, or for whoever works on the machine. What each may record: `key-authority.ts`. */
export type OwnActor =
  { kind: "clock"; id: "daily" | "weekly" } | { kind: "system"; id: "init" | "command-line" | "tombstone" | "witness" | "node" };

/** Who recorded an event; `onBehalfOf` is the party whose word it is, where that is somebody else. */
export type Actor = (OwnActor | { kind: "key"; id: KeyId | string } | { kind: "rule"; id: `assess-${number}` }) & {
  onBehalfOf?: PartyId;
};

/** An event with the place and the instants under which the log holds it. */
export type Recorded<Event extends AnyEvent> = Event & {
  id: EventId;
  stream: string;
  /** 0-based place in its stream. */
  revision: number;
  /** 1-based place in the whole log. */
  position: number;
  /** When it happened, as claimed by whoever recorded it. */
  occurredAt: Instant;
  /** When the ledger took it. */
  recordedAt: Instant;
  actor: Actor;
  account?: AccountId;
};

export interface Decider<Command extends { type: string }, Event extends AnyEvent, State> {
  readonly initialState: State;
  /** @throws DomainError when a rule refuses. An empty list means that the command changes nothing. */
  decide(command: Command, state: State): Draft<Event>[];
  /** Never judges: what is in the log has happened. */
  evolve(state: State, event: Recorded<Event>): State;
}

/** Every command says when the thing it reports happened; that becomes `occurredAt`. */
export type At = { at: Instant };
