/** Policies and loads, as they were known at each place of the log. */
import type { DatabaseSync } from "node:sqlite";
import type { AssessmentInput } from "../../domain/assess/settle.ts";
import { builtInPolicy, type Policy, type PolicyDocument } from "../../domain/policy.ts";
import { isEqual } from "../../domain/promise/facts.ts";
import type { Instant } from "../../domain/values.ts";
import type { LedgerEvent } from "../../ledger/envelope.ts";
import type { EventFor } from "../projection.ts";
import { always, endless, PastTable } from "./past-tables.ts";

/** From a position on promises are judged anew: all of them, or those of a load. */
export type Turn = { position: number; recording?: string };

type Load = NonNullable<AssessmentInput["recording"]>;
type Since<Value> = { position: number; value: Value };

const everywhere = { from: always, to: endless };

export class KnownParameters {
  readonly #policies: Since<Policy>[] = [{ position: 0, value: builtInPolicy }];
  readonly #loads = new Map<string, Since<Load>[]>();
  readonly #tables: Record<"policies" | "priors" | "dormancy_models" | "recordings", PastTable>;

  constructor(database: DatabaseSync) {
    this.#tables = {
      policies: new PastTable(database, "policies"),
      priors: new PastTable(database, "priors"),
      dormancy_models: new PastTable(database, "dormancy_models"),
      recordings: new PastTable(database, "recordings"),
    };
    for (const { version, document, position } of database
      .prepare(`SELECT version, document, position FROM past_policies ORDER BY position`)
      .all() as { version: number; document: string; position: number }[])
      this.#policies.push({ position, value: { ...(JSON.parse(document) as PolicyDocument), version } });
    for (const { id, known_from, completed_at, up_to } of database
      .prepare(
        `SELECT id, known_from, completed_at, up_to FROM past_recordings WHERE completed_at IS NOT NULL ORDER BY known_from`,
      )
      .all() as { id: string; known_from: number; completed_at: Instant; up_to: Instant }[])
      this.#put(id, known_from, { completedAt: completed_at, upTo: up_to });
  }

  policyAt(position: number): Policy {
    return lastUpTo(this.#policies, position)!;
  }

  /** The load that a promise came with; undefined for one that came with none. */
  loadAt(id: string | undefined, position: number): Load | undefined {
    return id === undefined ? undefined : (lastUpTo(this.#loads.get(id) ?? [], position) ?? {});
  }

  /** @returns what has to be judged anew because of it, if anything. */
  take(event: LedgerEvent): Turn | undefined {
    const { position } = event;
    switch (event.type) {
      case "PolicyAdopted": {
        const { version, policy } = event.data;
        const before = this.policyAt(position);
        this.#tables.policies.insert(position, everywhere, [version, JSON.stringify(policy), event.recordedAt, position]);
        this.#policies.push({ position, value: { ...policy, version } });
        return isEqual(before.promises, policy.promises) ? undefined : { position };
      }
      case "PriorFitted": {
        const { cutOff, mean } = event.data;
        this.#tables.priors.insert(position, everywhere, [position, cutOff, mean, JSON.stringify(event.data)]);
        return undefined;
      }
      case "DormancyModelFitted":
        this.#tables.dormancy_models.insert(position, everywhere, [position, event.data.cutOff, JSON.stringify(event.data)]);
        return undefined;
      case "RecordingStarted": {
        const { recording, source } = event.data;
        this.#tables.recordings.insert(position, everywhere, [recording, source, event.recordedAt, null, null]);
        return undefined;
      }
      case "RecordingCompleted":
        return this.#completed(event);
      default:
        return undefined;
    }
  }

  #completed({ data: { recording, upTo }, recordedAt, position }: EventFor<"RecordingCompleted">): Turn {
    const { recordings } = this.#tables;
    for (const { rowid, ...row } of recordings.standing<{ source: string; started_at: string }>(`id = ?`, [recording])) {
      recordings.close(rowid, position);
      recordings.insert(position, everywhere, [recording, row.source, row.started_at, recordedAt, upTo]);
    }
    this.#put(recording, position, { completedAt: recordedAt, upTo });
    return { position, recording };
  }

  #put(recording: string, position: number, value: Load): void {
    const known = this.#loads.get(recording);
    if (known === undefined) this.#loads.set(recording, [{ position, value }]);
    else known.push({ position, value });
  }
}

const lastUpTo = <Value>(known: readonly Since<Value>[], position: number): Value | undefined =>
  known.findLast((one) => one.position <= position)?.value;
