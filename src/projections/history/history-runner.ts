/**
 * Carries the past on to a later position of the log. Accounts are taken one after the other, each with its events in the order of
 * the log: whoever reads an account's promises and interactions reads them once, however many events a step has.
 */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId } from "../../domain/values.ts";
import type { Log } from "../../event-store/log.ts";
import { decodeAll, type LedgerEvent } from "../../ledger/envelope.ts";
import { personRows } from "../people.ts";
import { AccountHistory, PastWriter } from "./account-history.ts";
import { KnownParameters, type Turn } from "./known-parameters.ts";
import { createPastIndexes } from "./past-tables.ts";

const pageCount = 1_000;

/** Called every so often in a long step, with how many events of it have been gone through. Throw to give it up. */
export type Pause = (done: number) => Promise<void>;

/** Which events of a step concern which account. */
const waiting = `CREATE TEMP TABLE waiting (account TEXT NOT NULL, position INTEGER NOT NULL) STRICT`;
const waitingByAccount = `CREATE INDEX temp.waiting_by_account ON waiting (account, position)`;

export class HistoryRunner {
  readonly #database: DatabaseSync;
  readonly #log: Log;
  #position: number;

  /** @param database has the tables of the past. */
  constructor(database: DatabaseSync, log: Log) {
    this.#database = database;
    this.#log = log;
    this.#position = (database.prepare(`SELECT position FROM progress`).get() as { position: number }).position;
  }

  /** What it has been carried on to. */
  get position(): number {
    return this.#position;
  }

  /** Rows and progress commit together. Each event is gone through twice: `pause` counts both. */
  async advance(upTo: number, pause: Pause = () => Promise.resolve()): Promise<void> {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      // Made anew for each step, so that a step that was given up leaves nothing in it.
      const writer = new PastWriter(this.#database, this.#log, new KnownParameters(this.#database));
      writer.isFresh = this.#position === 0;
      this.#database.exec(waiting);
      await this.#write(writer, upTo, pause);
      this.#database.exec(`DROP TABLE temp.waiting`);
      this.#database.prepare(`UPDATE progress SET position = ?`).run(upTo);
      this.#database.exec("COMMIT");
      this.#position = upTo;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  async #write(writer: PastWriter, upTo: number, pause: Pause): Promise<void> {
    const turns = await this.#sort(writer, upTo, pause);
    let done = upTo - this.#position;
    for (const account of this.#accounts()) {
      const history = new AccountHistory(account, writer);
      for (const step of this.#stepsOf(account, turns)) {
        if ("stream" in step) history.take(step);
        else history.turn(step);
        if ((done += 1) % pageCount === 0) await pause(done);
      }
    }
    if (writer.isFresh) createPastIndexes(this.#database);
  }

  /** Writes what concerns no account, and notes what concerns one. @returns what has to be judged anew, and from where on. */
  async #sort(writer: PastWriter, upTo: number, pause: Pause): Promise<Turn[]> {
    const note = this.#database.prepare(`INSERT INTO waiting VALUES (?, ?)`);
    const turns: Turn[] = [];
    for (let position = this.#position; position < upTo;) {
      const page = this.#log.readAll(position, Math.min(pageCount, upTo - position));
      for (const event of decodeAll(page)) {
        if (event.account !== undefined) note.run(event.account, event.position);
        if (event.stream.startsWith("person-")) writer.writeStream(personRows, writer.people, event);
        const turn = writer.parameters.take(event);
        if (turn !== undefined) turns.push(turn);
      }
      position = page.at(-1)!.position;
      await pause(position - this.#position);
    }
    this.#noteTurned(turns);
    this.#database.exec(waitingByAccount);
    return turns;
  }

  /** Accounts whose promises are judged anew, at the place before the first. */
  #noteTurned(turns: readonly Turn[]): void {
    const note = (where: string, ...parameters: string[]) =>
      this.#database.prepare(`INSERT INTO waiting SELECT DISTINCT account, 0 FROM past_promises ${where}`).run(...parameters);
    if (turns.some(({ recording }) => recording === undefined)) note("");
    else for (const { recording } of turns) note(`WHERE recording = ?`, recording!);
  }

  *#accounts(): Generator<AccountId> {
    const found = this.#database.prepare(`SELECT DISTINCT account FROM waiting ORDER BY account`);
    for (const row of found.iterate()) yield row["account"] as AccountId;
  }

  /** An account's events, and the turns between them. */
  *#stepsOf(account: AccountId, turns: readonly Turn[]): Generator<LedgerEvent | Turn> {
    const left = [...turns];
    for (const event of this.#eventsOf(account)) {
      while (left.length > 0 && left[0]!.position < event.position) yield left.shift()!;
      yield event;
    }
    yield* left;
  }

  *#eventsOf(account: AccountId): Generator<LedgerEvent> {
    const rows = this.#database
      .prepare(`SELECT position FROM waiting WHERE account = ? AND position > 0 ORDER BY position`)
      .all(account) as { position: number }[];
    for (let from = 0; from < rows.length; from += pageCount)
      yield* decodeAll(this.#log.readPositions(rows.slice(from, from + pageCount).map(({ position }) => position)));
  }
}
