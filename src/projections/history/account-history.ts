/** What concerns one account, written event by event as it became known: interactions, promises, agreements, outcomes, and when each event happened. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Interaction } from "../../domain/interaction.ts";
import { verdictTypes } from "../../domain/promise/events.ts";
import type { AccountId, Instant } from "../../domain/values.ts";
import type { Log } from "../../event-store/log.ts";
import { decode, decodeAll, type LedgerEvent } from "../../ledger/envelope.ts";
import { accountRows } from "../accounts.ts";
import { businessOutcomeRows } from "../business-outcomes.ts";
import { changedBy, fromRow, type InteractionRow, interactionValues, recordedBy } from "../interactions.ts";
import { type EventFor, idOf, sealedPositions } from "../projection.ts";
import { preparedOn } from "../statements.ts";
import type { StreamRows } from "../stream-rows.ts";
import type { KnownParameters, Turn } from "./known-parameters.ts";
import { always, endless, PastTable, recut, type Standing, stillKnown } from "./past-tables.ts";
import { PromiseHistory, type Word } from "./promise-history.ts";

/** Where the past is written: one for all accounts. */
export class PastWriter {
  readonly database: DatabaseSync;
  readonly log: Log;
  readonly parameters: KnownParameters;
  readonly prepared: ReturnType<typeof preparedOn>;
  readonly accounts: PastTable;
  readonly people: PastTable;
  readonly interactions: PastTable;
  readonly participations: PastTable;
  readonly promises: PastTable;
  readonly agreements: PastTable;
  readonly occurrences: PastTable;
  readonly activity: PastTable;
  readonly outcomes: PastTable;
  /** The file was begun empty: nothing of an account stands in it before the account is read, and there are no indexes yet. */
  isFresh = false;

  constructor(database: DatabaseSync, log: Log, parameters: KnownParameters) {
    this.database = database;
    this.log = log;
    this.parameters = parameters;
    this.prepared = preparedOn(database);
    this.accounts = new PastTable(database, "accounts");
    this.people = new PastTable(database, "people");
    this.interactions = new PastTable(database, "interactions");
    this.participations = new PastTable(database, "participations");
    this.promises = new PastTable(database, "promises");
    this.agreements = new PastTable(database, "agreements");
    this.occurrences = new PastTable(database, "occurrences");
    this.activity = new PastTable(database, "activity");
    this.outcomes = new PastTable(database, "business_outcomes");
  }

  all<Row>(sql: string, ...parameters: SQLInputValue[]): Row[] {
    return this.prepared(sql).all(...parameters) as Row[];
  }

  /** The first event of a stream. */
  firstOf({ stream, revision, ...event }: LedgerEvent): Pick<LedgerEvent, "occurredAt"> {
    return revision === 0 ? event : decode(this.log.readStream(stream)[0]!)!;
  }

  /** One row a stream: at each instant the fold of what had happened, once its first event had. */
  writeStream(rows: StreamRows, table: PastTable, event: LedgerEvent, isKnowledge = false): void {
    const events = decodeAll(this.log.readStream(event.stream)).filter(({ position }) => position <= event.position);
    const began = events[0]!.occurredAt;
    const countsFrom = ({ occurredAt }: LedgerEvent): Instant => (isKnowledge || occurredAt < began ? began : occurredAt);
    const from = countsFrom(event);
    const instants = [...new Set(events.map(countsFrom))].filter((instant) => instant >= from).sort();
    const pieces = instants.map((instant, index) => {
      const row = events.filter((one) => countsFrom(one) <= instant).reduce(rows.fold, undefined as never);
      const values = rows.columns.map((column) => row[column]!);
      return { from: instant, to: instants[index + 1] ?? endless, print: JSON.stringify(values), values: () => values };
    });
    const standing = event.revision === 0 ? [] : standingIn(table, table.standing(`id = ?`, [idOf(event)]));
    recut(table, standing, from, pieces, event.position);
  }
}

function standingIn(table: PastTable, found: ReturnType<PastTable["standing"]>): Standing[] {
  return found
    .map((row) => ({
      rowid: row.rowid,
      from: row.holds_from,
      to: row.holds_to,
      print: JSON.stringify(table.valuesIn(row)),
    }))
    .sort((a, b) => (a.from < b.from ? -1 : 1));
}

/** An interaction as it stands. Rows that were found in the file, and not written here, are looked up when they are closed. */
type Known = { state: Interaction; sealed: string; rowid: number; participations?: number[]; activity?: number[] };

const verdicts = new Set<string>(verdictTypes);

export class AccountHistory {
  readonly #account: AccountId;
  readonly #to: PastWriter;
  #interactions: Map<string, Known> | undefined;
  #promises: Map<string, PromiseHistory> | undefined;
  readonly #agreements = new Map<string, Instant>();

  constructor(account: AccountId, to: PastWriter) {
    this.#account = account;
    this.#to = to;
    if (to.isFresh) [this.#interactions, this.#promises] = [new Map(), new Map()];
  }

  /** Events in the order of the log. */
  take(event: LedgerEvent): void {
    switch (event.stream.slice(0, event.stream.indexOf("-"))) {
      case "account":
        this.#to.writeStream(accountRows, this.#to.accounts, event);
        return this.#tell(event, this.#countsFrom(event));
      case "outcome":
        this.#to.writeStream(businessOutcomeRows, this.#to.outcomes, event, true);
        return this.#tell(event, this.#to.firstOf(event).occurredAt);
      case "interaction":
        return this.#takeInteraction(event as EventFor<"InteractionRecorded" | "InteractionCorrected" | "InteractionRetracted">);
      case "agreement":
        return this.#takeAgreement(event as EventFor<"AgreementMade">);
      case "promise":
        return this.#takeWord(event);
      case "person":
        return this.#tell(event, this.#countsFrom(event));
      default:
        return this.#tell(event, always);
    }
  }

  /** What promises rest on has changed. */
  turn({ position, recording }: Turn): void {
    for (const promise of this.#promisesHere().values())
      if (recording === undefined || promise.recording === recording) promise.settle(always, position);
  }

  /** No event of a stream counts before its first one does. */
  #countsFrom(event: LedgerEvent): Instant {
    const began = this.#to.firstOf(event).occurredAt;
    return event.occurredAt < began ? began : event.occurredAt;
  }

  #tell(event: LedgerEvent, from: string): void {
    this.#to.activity.insert(event.position, { from, to: endless }, this.#activityOf(event));
  }

  #activityOf({ occurredAt, position, type, stream }: LedgerEvent): SQLInputValue[] {
    return [this.#account, occurredAt, position, type, stream];
  }

  #takeInteraction(event: EventFor<"InteractionRecorded" | "InteractionCorrected" | "InteractionRetracted">): void {
    const before = event.type === "InteractionRecorded" ? undefined : this.#interactionsHere().get(idOf(event))!;
    const state = event.type === "InteractionRecorded" ? recordedBy(event) : changedBy(before!.state, event);
    const told = before === undefined ? [] : this.#closeInteraction(before, state, event.position);
    const sealed = event.sealed.length === 0 ? (before?.sealed ?? "{}") : sealedPositions(before?.sealed, event);
    const known = this.#writeInteraction(state, sealed, event);
    const row = this.#to.activity.insert(event.position, { from: state.startedAt, to: endless }, this.#activityOf(event));
    if (told !== undefined) known.activity = [...told, row];
    this.#interactions?.set(state.id, known);
    this.#hear(before?.state, state, event.position);
  }

  #writeInteraction(state: Interaction, sealed: string, { position, revision }: LedgerEvent): Known {
    const { interactions, participations } = this.#to;
    const span = { from: state.startedAt, to: endless };
    const rowid = interactions.insert(position, span, interactionValues(state, sealed, revision));
    const rows = [...new Set(state.participants)].map((person) => participations.insert(position, span, [person, state.id]));
    return { state, sealed, rowid, participations: rows };
  }

  /** @returns the rows of its events, where they are known: they count from when it began. */
  #closeInteraction(known: Known, after: Interaction, position: number): number[] | undefined {
    const { interactions, participations, activity } = this.#to;
    interactions.close(known.rowid, position);
    for (const row of known.participations ?? this.#participationsOf(known.state)) participations.close(row, position);
    if (known.state.startedAt === after.startedAt) return known.activity;
    return (known.activity ?? this.#activityIn(`interaction-${after.id}`)).map((row) => {
      activity.close(row, position);
      return activity.copy(row, position, { from: after.startedAt, to: endless });
    });
  }

  #participationsOf({ id, participants }: Interaction): number[] {
    const where = `person = ? AND interaction = ?`;
    const found = [...new Set(participants)].flatMap((person) => this.#to.participations.standing(where, [person, id]));
    return found.map(({ rowid }) => rowid);
  }

  #activityIn(stream: string): number[] {
    const found = this.#to.activity.standing<{ stream: string }>(`account = ?`, [this.#account]);
    return found.filter((row) => row.stream === stream).map(({ rowid }) => rowid);
  }

  #hear(before: Interaction | undefined, after: Interaction, position: number): void {
    const since = before === undefined || after.startedAt < before.startedAt ? after.startedAt : before.startedAt;
    for (const promise of this.#promisesHere().values()) if (promise.hear(before, after)) promise.settle(since, position);
  }

  #takeAgreement(event: EventFor<"AgreementMade">): void {
    const { position, occurredAt, data } = event;
    const id = idOf(event);
    const span = { from: occurredAt, to: endless };
    const values = [id, this.#account, JSON.stringify(data.promises), occurredAt, sealedPositions(undefined, event), position];
    this.#to.agreements.insert(position, span, values);
    this.#agreements.set(id, occurredAt);
    this.#tell(event, occurredAt);
    for (const promise of data.promises) this.#promisesHere().get(promise)?.settle(occurredAt, position);
  }

  #takeWord(event: LedgerEvent): void {
    const { position, revision, type } = event;
    const id = idOf(event);
    const isWord = !verdicts.has(type);
    const [made] = this.#to.all<{ counts_from: Instant }>(
      `SELECT counts_from FROM promise_events WHERE promise = ? AND revision = 0`,
      id,
    );
    const countsFrom = made !== undefined && event.occurredAt < made.counts_from ? made.counts_from : event.occurredAt;
    if (isWord) {
      const here = this.#promisesHere();
      const promise = here.get(id) ?? new PromiseHistory(id, this.#around, { rows: [], occurrences: new Map() });
      here.set(id, promise);
      promise.say({ event, countsFrom });
    }
    this.#to
      .prepared(`INSERT INTO promise_events VALUES (?, ?, ?, ?, ?)`)
      .run(id, revision, position, countsFrom, Number(isWord));
    this.#tell(event, countsFrom);
  }

  get #around() {
    const { parameters, promises, occurrences } = this.#to;
    return {
      parameters,
      tables: { promises, occurrences },
      interactions: () => [...this.#interactionsHere().values()].map(({ state }) => state),
      agreementMadeAt: (id: string) => this.#agreementMadeAt(id),
    };
  }

  // What stood before this account was read from here on is looked up when it is needed.

  #agreementMadeAt(id: string): Instant | undefined {
    const known = this.#agreements.get(id);
    if (known !== undefined || this.#to.isFresh) return known;
    const [row] = this.#to.all<{ made_at: Instant }>(`SELECT made_at FROM past_agreements WHERE id = ?`, id);
    if (row !== undefined) this.#agreements.set(id, row.made_at);
    return row?.made_at;
  }

  #interactionsHere(): Map<string, Known> {
    this.#interactions ??= new Map(
      this.#to.interactions.standing<InteractionRow>(`account = ?`, [this.#account]).map((row) => {
        return [row.id, { state: fromRow(row), sealed: row.sealed, rowid: row.rowid }];
      }),
    );
    return this.#interactions;
  }

  #promisesHere(): Map<string, PromiseHistory> {
    if (this.#promises !== undefined) return this.#promises;
    const rows = this.#to.promises.standing<{ id: string }>(`account = ?`, [this.#account]);
    const byId = Map.groupBy(rows, ({ id }) => id);
    this.#promises = new Map(
      [...byId].map(([id, some]) => [id, this.#recalled(id, standingIn(this.#to.promises, some as never))]),
    );
    return this.#promises;
  }

  #recalled(id: string, rows: Standing[]): PromiseHistory {
    const promise = new PromiseHistory(id, this.#around, { rows, occurrences: this.#occurrencesOf(id) });
    for (const word of this.#wordsOf(id)) promise.recall(word);
    return promise;
  }

  #wordsOf(id: string): Word[] {
    const rows = this.#to.all<{ position: number; counts_from: Instant }>(
      `SELECT position, counts_from FROM promise_events WHERE promise = ? AND is_word = 1 ORDER BY revision`,
      id,
    );
    const events = decodeAll(this.#to.log.readPositions(rows.map(({ position }) => position)));
    return events.map((event, index) => ({ event, countsFrom: rows[index]!.counts_from }));
  }

  #occurrencesOf(id: string): Map<number, Standing[]> {
    const rows = this.#to.all<{ rowid: number; occurrence: number; holds_from: string; holds_to: string; print: number }>(
      `SELECT rowid, occurrence, holds_from, holds_to, print FROM past_occurrences WHERE promise = ? AND known_to = ${stillKnown} ORDER BY holds_from`,
      id,
    );
    const standing = Map.groupBy(rows, ({ occurrence }) => occurrence);
    return new Map(
      [...standing].map(([occurrence, some]) => [
        occurrence,
        some.map(({ rowid, holds_from, holds_to, print }) => ({ rowid, from: holds_from, to: holds_to, print })),
      ]),
    );
  }
}
