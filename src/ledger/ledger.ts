/** The one place that loads, decides and appends. */
import type { EventType } from "../domain/catalogue.ts";
import type { Actor, AnyEvent, Decider, Draft, Recorded } from "../domain/decider.ts";
import { DomainError } from "../domain/errors.ts";
import { epochMs, type EventId, type Instant } from "../domain/values.ts";
import {
  type Appended,
  type EventStore,
  type NewEvent,
  noStream,
  RevisionConflictError,
  type StoredEvent,
} from "../event-store/event-store.ts";
import type { LocalEventStore, Log } from "../event-store/log.ts";
import type { Sealed, Vault } from "../vault/vault.ts";
import { decode, decodeAll, encodeLeaf, type LedgerEvent, newEnvelope } from "./envelope.ts";
import { derivedId, eventIdOf, freshId } from "./ids.ts";
import { clockSkewMsMax, type LogClock } from "./log-clock.ts";

/** How a request is known again. */
export type RequestIdentity = {
  /** Whose keys these are: an API key's id, or what else names them. The same key from two of them is two requests. */
  scope: string;
  key: string;
  /** Of the request's content. */
  fingerprint: string;
  /** The one place in a larger request that it came from, such as a line of a batch: nothing else may ever come from there. */
  place?: string;
};

/** What is known already is given at once: a command refers to half a dozen streams, and a promise for each shows in a profile. */
export type Awaitable<Value> = Value | Promise<Value>;

export type CommandMeta = {
  actor: Actor;
  correlation: string;
  causation?: EventId;
  /** Absent for a request that nobody will repeat. */
  identity?: RequestIdentity;
  /** The revision that the caller saw; without it a lost race is tried again. */
  expectedRevision?: number;
  /** The stream's id was made just now: nothing can stand in it. */
  isFresh?: boolean;
  /** Log time counts anew from what this appends. For the operator alone, after the clock had been wrong for good. */
  correctsClock?: boolean;
};

export type Handled = {
  stream: string;
  /** Of the stream's last event. */
  revision: number;
  /** Of the last event that this request added, or of the stream's last one where it added none. */
  position: number;
  /** What this request added, now or when it was first sent. */
  events: { id: EventId; type: EventType; position: number; recordedAt: Instant }[];
  /** The request had been answered before; nothing was added now. */
  isReplay: boolean;
};

/** The same idempotency key came with another request. */
export class IdempotencyMismatchError extends Error {
  constructor() {
    super("this idempotency key was used for another request");
    this.name = "IdempotencyMismatchError";
  }
}

/** The caller named a revision that the stream has left behind. */
export class StaleRevisionError extends Error {
  readonly expectedRevision: number;
  readonly actualRevision: number;
  constructor(expectedRevision: number, actualRevision: number) {
    super(`the stream is at revision ${actualRevision}, not at ${expectedRevision}`);
    this.name = "StaleRevisionError";
    this.expectedRevision = expectedRevision;
    this.actualRevision = actualRevision;
  }
}

/** Commands of one process on one stream wait for each other, so only other processes are raced; they pass quickly. */
const attemptCountMax = 32;

/** States of accounts, people and policies that commands refer to. One costs about a kilobyte. */
const referenceCountMax = 20_000;

export type LedgerDeps = {
  store: EventStore & Pick<LocalEventStore, "catchUp">;
  vault: Vault;
  clock: LogClock;
  onAppended?: (position: number) => void;
  /** Finds what came from a place before, on whatever stream; without it, only what came from there to the same stream is found. */
  log?: Pick<Log, "readById">;
  /** Milliseconds of a clock that nobody sets, for how long something is kept. */
  elapsedMs?: () => number;
  /** Other processes append to the same log, so that one of them may be given the same request at the same time. */
  sharesStore?: boolean;
};

export class Ledger {
  readonly #deps: LedgerDeps;
  /** The last position that this node acknowledged; its own reads wait for it. */
  #lastPosition = 0;
  /** The last command under way on each stream. */
  readonly #lanes = new Map<string, Promise<unknown>>();
  readonly #references = new Map<string, { state: unknown; readAtMs: number }>();
  readonly #elapsedMs: () => number;
  /** Appends under way that hold sealed text. */
  readonly #sealing = new Set<Promise<unknown>>();

  constructor(deps: LedgerDeps) {
    this.#deps = deps;
    this.#elapsedMs = deps.elapsedMs ?? (() => performance.now());
  }

  get lastPosition(): number {
    return this.#lastPosition;
  }

  now(): Instant {
    return this.#deps.clock.now();
  }

  /** The instant at which a read stands. */
  readingTime(): Instant {
    return this.#deps.clock.reading();
  }

  fingerprint(text: string): string {
    return this.#deps.vault.fingerprint(text);
  }

  /** A stream's state and where it stands. */
  async load<Event extends AnyEvent, State>(
    decider: Pick<Decider<never, Event, State>, "initialState" | "evolve">,
    stream: string,
  ): Promise<{ state: State; revision: number; events: LedgerEvent[] }> {
    const events = decodeAll(await this.#deps.store.readStream(stream));
    return { state: fold(decider, events), revision: events.at(-1)?.revision ?? noStream, events };
  }

  /**
   * The state of a stream that a command only refers to. Kept until this node appends to it, or is told of an append (`observe`).
   * That a stream is empty is kept only where `keepsEmpty` says so: an account that another node has just opened must be found.
   * @param freshForMs how old the state may be, where another node's change must not be missed for longer than that.
   */
  refer<Event extends AnyEvent, State>(
    decider: Pick<Decider<never, Event, State>, "initialState" | "evolve">,
    stream: string,
    { keepsEmpty = false, freshForMs = Infinity }: { keepsEmpty?: boolean; freshForMs?: number } = {},
  ): Awaitable<State> {
    const known = this.#references.get(stream);
    const isFresh = known !== undefined && (freshForMs === Infinity || this.#elapsedMs() - known.readAtMs <= freshForMs);
    return isFresh ? (known.state as State) : this.#readReference(decider, stream, keepsEmpty);
  }

  async #readReference<Event extends AnyEvent, State>(
    decider: Pick<Decider<never, Event, State>, "initialState" | "evolve">,
    stream: string,
    keepsEmpty: boolean,
  ): Promise<State> {
    const readAtMs = this.#elapsedMs();
    const { state, revision } = await this.#loadReference(decider, stream, keepsEmpty);
    if (revision === noStream && !keepsEmpty) return state;
    if (this.#references.size >= referenceCountMax) this.#references.delete(this.#references.keys().next().value!);
    this.#references.set(stream, { state, readAtMs });
    return state;
  }

  /** What this node does not know of may exist: another node has just made it. */
  async #loadReference<Event extends AnyEvent, State>(
    decider: Pick<Decider<never, Event, State>, "initialState" | "evolve">,
    stream: string,
    mayBeEmpty: boolean,
  ): Promise<{ state: State; revision: number }> {
    const { store } = this.#deps;
    const known = await this.load(decider, stream);
    if (known.revision !== noStream || mayBeEmpty || store.catchUp === undefined) return known;
    await store.catchUp(stream);
    return this.load(decider, stream);
  }

  /**
   * Takes note of events that this node or another has appended, in the order of the log: log time is at least theirs, and states that
   * were kept of their streams may be out of date.
   */
  observe(events: readonly StoredEvent[]): void {
    const last = events.length - 1;
    for (const [index, event] of events.entries()) {
      this.#references.delete(event.stream);
      // Writers differ by the allowed skew at most, so the last of several stands for all of them: to parse each costs more than to copy it.
      if (index === last || event.stream === "ledger") this.#observeTime(event);
    }
  }

  #observeTime(event: StoredEvent): void {
    const recorded = decode(event);
    if (recorded?.type === "ClockCorrected") this.#deps.clock.correct(recorded.recordedAt);
    else if (recorded !== null) this.#deps.clock.observe(recorded.recordedAt);
  }

  /**
   * Decides a command on one stream and appends what follows.
   *
   * @throws DomainError when a rule refuses; IdempotencyMismatchError; StaleRevisionError when `expectedRevision` is left behind;
   *   ClockBehindError; EventTooLargeError; StoreUnavailableError; SubjectErasedError.
   */
  handle<Command extends { type: string; at: Instant }, Event extends AnyEvent, State>(
    decider: Decider<Command, Event, State>,
    stream: string,
    command: Command,
    meta: CommandMeta,
  ): Promise<Handled> {
    // Nobody else can name a stream whose id was made just now.
    if (meta.isFresh) return this.#decide(decider, stream, command, meta);
    const before = this.#lanes.get(stream);
    const running =
      before === undefined
        ? this.#decide(decider, stream, command, meta)
        : before.then(() => this.#decide(decider, stream, command, meta));
    const leave = (): void => {
      if (this.#lanes.get(stream) === lane) this.#lanes.delete(stream);
    };
    const lane = running.then(leave, leave);
    this.#lanes.set(stream, lane);
    return running;
  }

  /**
   * Throws what `handle` would throw for a command, as far as its stream can tell, and appends nothing. For a request that
   * appends to several streams: it looks at all of them before the first is written.
   */
  async foresee<Command extends { type: string; at: Instant }, Event extends AnyEvent, State>(
    decider: Decider<Command, Event, State>,
    stream: string,
    command: Command,
    meta: CommandMeta,
  ): Promise<void> {
    this.#refuseMisplaced(meta);
    const { state, revision, events } = await this.load(decider, stream);
    if (
      meta.identity !== undefined &&
      answeredBefore(events, stream, eventIds(stream, meta, this.#deps.clock), meta) !== undefined
    )
      return;
    refuseStale(meta, revision);
    decider.decide(command, state);
  }

  async #decide<Command extends { type: string; at: Instant }, Event extends AnyEvent, State>(
    decider: Decider<Command, Event, State>,
    stream: string,
    command: Command,
    meta: CommandMeta,
  ): Promise<Handled> {
    this.#refuseMisplaced(meta);
    // The same ids for all attempts, so that an append whose answer was lost is recognised on the next.
    const idOf = eventIds(stream, meta, this.#deps.clock);
    for (let attempt = 1; ; attempt += 1) {
      const isEmpty = meta.isFresh === true && attempt === 1;
      const loaded = isEmpty ? { state: decider.initialState, revision: noStream, events: [] } : await this.load(decider, stream);
      const before = answeredBefore(loaded.events, stream, idOf, meta);
      if (before !== undefined) return before;
      refuseStale(meta, loaded.revision);
      const drafts = decider.decide(command, loaded.state);
      if (drafts.length === 0) return unchanged(stream, loaded.events);
      try {
        const handled = await this.#append(stream, loaded.revision, drafts, command.at, idOf, meta);
        if (handled !== undefined) return handled;
      } catch (error) {
        if (!(error instanceof RevisionConflictError)) throw error;
        if (meta.expectedRevision !== undefined) throw new StaleRevisionError(meta.expectedRevision, error.actualRevision);
        if (attempt === attemptCountMax) throw error;
      }
    }
  }

  /** @throws IdempotencyMismatchError where another request came from the same place, whatever stream it went to. */
  #refuseMisplaced({ identity }: CommandMeta): void {
    if (identity?.place === undefined) return;
    const before = this.#deps.log?.readById(placeIdOf(identity.scope, identity.place));
    if (before !== undefined && decode(before)?.request !== identity.fingerprint) throw new IdempotencyMismatchError();
  }

  /**
   * Appends what the keeper concludes of a stream that it saw at `expectedRevision`. It does not decide anew: a stream that has
   * moved on is refused, and the keeper looks again.
   * @throws StaleRevisionError when the stream has moved on.
   */
  async attest<Event extends AnyEvent>(
    stream: string,
    expectedRevision: number,
    drafts: Draft<Event>[],
    identity: RequestIdentity,
    actor: Actor,
  ): Promise<Handled> {
    const meta: CommandMeta = { actor, correlation: `${identity.scope}-${identity.fingerprint}`, identity, expectedRevision };
    try {
      const handled = await this.#append(
        stream,
        expectedRevision,
        drafts,
        this.now(),
        eventIds(stream, meta, this.#deps.clock),
        meta,
      );
      if (handled === undefined) throw new StaleRevisionError(expectedRevision, expectedRevision + drafts.length);
      return handled;
    } catch (error) {
      if (error instanceof RevisionConflictError) throw new StaleRevisionError(expectedRevision, error.actualRevision);
      throw error;
    }
  }

  /**
   * Resolves once every append that held sealed text when this was called is in the log or refused. What was sealed a moment
   * before a key was destroyed may still be on its way.
   */
  async sealedAppendsSettled(): Promise<void> {
    await Promise.all(this.#sealing);
  }

  /** @returns undefined where another process was first with the same request: its events stand there, and say what is to be answered. */
  #append<Event extends AnyEvent>(
    stream: string,
    revision: number,
    drafts: Draft<Event>[],
    at: Instant,
    idOf: EventIds,
    meta: CommandMeta,
  ): Promise<Handled | undefined> {
    const running = this.#sealAndAppend(stream, revision, drafts, at, idOf, meta);
    if (!drafts.some(holdsText)) return running;
    const leave = (): void => void this.#sealing.delete(settled);
    const settled = running.then(leave, leave);
    this.#sealing.add(settled);
    return running;
  }

  async #sealAndAppend<Event extends AnyEvent>(
    stream: string,
    revision: number,
    drafts: Draft<Event>[],
    at: Instant,
    idOf: EventIds,
    meta: CommandMeta,
  ): Promise<Handled | undefined> {
    const { store, vault, clock } = this.#deps;
    const ids = drafts.map((_, ordinal) => idOf(ordinal));
    const seals = drafts.some(holdsText)
      ? await Promise.all(drafts.map((draft, ordinal) => sealOf(vault, draft, ids[ordinal]!)))
      : [];
    // From the stamp to the queue of the store there is no await: the order of positions is the order of instants.
    const { recordedAt, takeBack } = meta.correctsClock ? corrected(clock, at) : { recordedAt: clock.next() };
    if (epochMs(at) > epochMs(recordedAt) + clockSkewMsMax)
      throw new DomainError("in-the-future", `${at} lies in the future`, "/at");
    const newEvents = drafts.map((draft, ordinal): NewEvent => {
      const id = ids[ordinal]!;
      const type = draft.type as EventType;
      const { account, data, occurredAt = at } = draft;
      const { actor, correlation, causation, identity } = meta;
      const envelope = newEnvelope({
        id,
        type,
        stream,
        revision: revision + ordinal + 1,
        occurredAt,
        recordedAt,
        account,
        actor,
        correlation,
        causation,
        request: identity?.fingerprint,
        data,
        sealed: seals[ordinal]?.commitments ?? [],
      });
      return { id, type, leaf: encodeLeaf(envelope), ciphertext: seals[ordinal]?.ciphertext ?? null };
    });
    let appended: Appended;
    try {
      appended = await store.append(stream, revision, newEvents);
    } catch (error) {
      takeBack?.();
      throw error;
    }
    this.#references.delete(stream);
    if (this.#deps.sharesStore && meta.identity !== undefined && !(await this.#isStored(stream, revision + 1, newEvents)))
      return undefined;
    this.#lastPosition = Math.max(this.#lastPosition, appended.position);
    this.#deps.onAppended?.(appended.position);
    const events = newEvents.map(({ id, type }, ordinal) => ({
      id: id as EventId,
      type: type as EventType,
      position: appended.position - newEvents.length + ordinal + 1,
      recordedAt,
    }));
    return { stream, ...appended, events, isReplay: false };
  }

  /** The store takes ids that it knows for a repetition, whatever the event: two processes give the same request the same ids. */
  async #isStored(stream: string, fromRevision: number, newEvents: readonly NewEvent[]): Promise<boolean> {
    const stored = await this.#deps.store.readStream(stream, fromRevision);
    return newEvents.every(({ leaf }, ordinal) => Buffer.compare(leaf, stored[ordinal]!.leaf) === 0);
  }
}

const holdsText = ({ personal }: Draft<AnyEvent>): boolean => personal !== undefined && personal.length > 0;

const sealOf = (vault: Vault, draft: Draft<AnyEvent>, event: EventId): Promise<Sealed> | undefined =>
  holdsText(draft) ? vault.seal({ event, fields: draft.personal! }) : undefined;

/** @throws DomainError `clock-not-behind`: log time could otherwise be turned back at will. */
function corrected(clock: LogClock, at: Instant): { recordedAt: Instant; takeBack?: () => void } {
  if (!clock.isBehind()) throw new DomainError("clock-not-behind");
  return { recordedAt: at, takeBack: clock.correct(at) };
}

/** @throws StaleRevisionError where the caller saw another revision. */
function refuseStale({ expectedRevision }: CommandMeta, revision: number): void {
  if (expectedRevision !== undefined && expectedRevision !== revision) throw new StaleRevisionError(expectedRevision, revision);
}

function fold<Event extends AnyEvent, State>(
  decider: Pick<Decider<never, Event, State>, "initialState" | "evolve">,
  events: readonly LedgerEvent[],
): State {
  return events.reduce((state, event) => decider.evolve(state, event as unknown as Recorded<Event>), decider.initialState);
}

const unchanged = (stream: string, events: readonly LedgerEvent[]): Handled => ({
  stream,
  revision: events.at(-1)?.revision ?? noStream,
  position: events.at(-1)?.position ?? 0,
  events: [],
  isReplay: false,
});

/** What comes from a place begins with an event of this id, so that it is found without knowing the stream. */
const placeIdOf = (scope: string, place: string): EventId => derivedId<EventId>("evt", "place", scope, place);

/** The id of the `ordinal`-th event that a request adds: one that the same request always gives, or a fresh one for a request that nobody repeats. */
type EventIds = (ordinal: number) => EventId;

function eventIds(stream: string, { identity }: CommandMeta, clock: LogClock): EventIds {
  if (identity !== undefined) {
    const { scope, key, place } = identity;
    return (ordinal) => (ordinal === 0 && place !== undefined ? placeIdOf(scope, place) : eventIdOf(scope, stream, key, ordinal));
  }
  const made: EventId[] = [];
  return (ordinal) => (made[ordinal] ??= freshId<EventId>("evt", epochMs(clock.now())));
}

/** The log itself is the record of idempotency: the events of a repeated request bear the ids that it gives. */
function answeredBefore(
  events: readonly LedgerEvent[],
  stream: string,
  idOf: EventIds,
  { identity }: CommandMeta,
): Handled | undefined {
  if (events.length === 0) return undefined;
  const firstId = idOf(0);
  const index = events.findIndex(({ id }) => id === firstId);
  if (index === -1) return undefined;
  if (identity !== undefined && events[index]!.request !== identity.fingerprint) throw new IdempotencyMismatchError();
  const added = events.slice(index).filter((event, ordinal) => event.id === idOf(ordinal));
  return {
    stream,
    revision: added.at(-1)!.revision,
    position: added.at(-1)!.position,
    events: added.map(({ id, type, position, recordedAt }) => ({ id, type, position, recordedAt })),
    isReplay: true,
  };
}
