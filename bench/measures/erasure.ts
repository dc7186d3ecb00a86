/** How long an erasure, a backup and a restore take, and what they are bounded by: reading the log, and copying its file. */
import { createHash } from "node:crypto";
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { backupFolder } from "../../src/composition/backup.ts";
import { ledgerPath, openLedger } from "../../src/composition/ledger-folder.ts";
import { restoreBackup } from "../../src/composition/restore.ts";
import { eraseSubject } from "../../src/commands/erasure.ts";
import { keyScope } from "../../src/domain/key.ts";
import { instantAt, type SubjectId } from "../../src/domain/values.ts";
import type { Log } from "../../src/event-store/log.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { type Figure, quantile, timed } from "../measuring.ts";

export type ErasureMeasure = {
  events: number;
  megabytes: number;
  scanSeconds: number;
  eraseSeconds: number;
  /** How long the thread that takes appends was kept at a time, while it erased. */
  stepMs: number[];
  erasedEvents: number;
  copySeconds: number;
  backupSeconds: number;
  restoreSeconds: number;
  digest: string;
};

export async function measureErasure(folder: string): Promise<ErasureMeasure> {
  const log = openSqliteLog(ledgerPath(folder));
  const events = log.head();
  const subject = busiestPerson(log);
  const scan = await timed(() => scanned(log, subject));
  log.close();
  const erased = await erase(folder, subject);
  const scratch = `${folder}.copies`;
  const backup = join(scratch, "backup");
  const backedUp = await timed(() =>
    backupFolder({
      ...{ folder, target: backup, withKeys: true, version: "bench" },
      now: () => instantAt(Date.now()),
      onProgress: () => undefined,
    }),
  );
  const copy = await timed(() => copyFileSync(ledgerPath(folder), join(scratch, "copy.db")));
  const restored = await timed(() =>
    restoreBackup({ backup, folder: join(scratch, "restored"), withoutVault: false, onProgress: () => undefined }),
  );
  return {
    events,
    megabytes: statSync(join(backup, "ledger.db")).size / 1e6,
    scanSeconds: scan.seconds,
    ...erased,
    erasedEvents: scan.result,
    copySeconds: copy.seconds,
    backupSeconds: backedUp.seconds,
    restoreSeconds: restored.seconds,
    digest: createHash("sha256").update(`${events} ${scan.result} ${restored.result.manifest.head}`).digest("hex").slice(0, 16),
  };
}

const pageCount = 1_000;

/** Of the first events; in a portfolio all accounts have about the same people. */
function busiestPerson(log: Log): SubjectId {
  const counts = new Map<SubjectId, number>();
  for (const { leaf } of log.readAll(0, 20_000)) {
    const { sealed } = JSON.parse(Buffer.from(leaf).toString()) as { sealed: { subject: SubjectId }[] };
    for (const { subject } of sealed) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]![0];
}

/** What no erasure without an index can do without. @returns how many events hold text of the subject. */
function scanned(log: Log, subject: SubjectId): number {
  let count = 0;
  const needle = Buffer.from(`"${subject}"`);
  for (let position = 0; ; position += pageCount) {
    const page = log.readAll(position, pageCount);
    if (page.length === 0) return count;
    for (const { leaf } of page) {
      if (!Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).includes(needle)) continue;
      const { sealed } = JSON.parse(Buffer.from(leaf).toString()) as { sealed: { subject: SubjectId }[] };
      if (sealed.some((one) => one.subject === subject)) count += 1;
    }
  }
}

async function erase(folder: string, subject: SubjectId): Promise<Pick<ErasureMeasure, "eraseSeconds" | "stepMs">> {
  const ledger = await openLedger({ folder });
  await ledger.host.ready;
  const caller = { key: "key_0000000000000000" as never, scopes: keyScope.options };
  const request = { params: { subject }, body: {}, caller, correlation: "bench" };
  const stepMs: number[] = [];
  let isOver = false;
  let before = performance.now();
  const watch = () => {
    stepMs.push(performance.now() - before);
    before = performance.now();
    if (!isOver) setImmediate(watch);
  };
  setImmediate(watch);
  const { seconds } = await timed(() => eraseSubject.run(ledger.desk, request));
  isOver = true;
  await ledger.close();
  return { eraseSeconds: seconds, stepMs };
}

export function erasureFigures(measure: ErasureMeasure): Figure[] {
  const { events, megabytes, scanSeconds, eraseSeconds, stepMs, erasedEvents, copySeconds, backupSeconds } = measure;
  return [
    { name: "events in the log", value: events },
    { name: "size of ledger.db", value: megabytes, unit: "MB" },
    { name: "events with text of the erased person", value: erasedEvents },
    { name: "a bare reading of the log, looking for the person", value: scanSeconds, unit: "s" },
    { name: "erasing, from the command to its answer", value: eraseSeconds, unit: "s" },
    { name: "ratio of the bare reading to erasing", value: scanSeconds / eraseSeconds },
    { name: "a step of it, p99", value: quantile(stepMs, 0.99), unit: "ms" },
    { name: "a step of it, longest", value: Math.max(...stepMs), unit: "ms" },
    { name: "a bare copy of ledger.db", value: copySeconds, unit: "s" },
    { name: "backup, checked", value: backupSeconds, unit: "s" },
    { name: "backup, events a second", value: events / backupSeconds, unit: "/s" },
    { name: "restore, checked", value: measure.restoreSeconds, unit: "s" },
    { name: "digest", value: measure.digest },
  ];
}
