/** Looks for damage in everything that a folder holds. Writes nothing to the ledger, and may run beside a server. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { canonicalBytes } from "../canonical/canonical-json.ts";
import { eventSchemas } from "../domain/catalogue.ts";
import type { Recorded } from "../domain/decider.ts";
import { erasuresOf, type LedgerEvent, ledgerRecord } from "../domain/ledger-record.ts";
import { clockSkewMsMax } from "../domain/log-time.ts";
import { addMs, type SubjectId } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";
import { checkLog } from "../event-store/sqlite/check-log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { decode, decodeAll } from "../ledger/envelope.ts";
import { blanking } from "../ledger/erasures.ts";
import { openTombstones } from "../vault/tombstones.ts";
import type { ErasableVault } from "../vault/vault.ts";
import { isNode } from "./cluster-node.ts";
import { compareDerived, derivedPast, derivedViews, requireLedger } from "./folder-views.ts";
import { openVaultOf, vaultPath } from "./foundation.ts";
import { type FolderOptions, keysFolderOf } from "./ledger-folder.ts";

export type CheckFinding = {
  part: "log" | "events" | "vault" | "views" | "past";
  kind: string;
  position?: number;
  message: string;
};
export type CheckReport = {
  events: number;
  /** Where the views were compared: up to which position; null where there are none yet. */
  views?: { position: number; digest: string } | null;
  past?: { position: number; digest: string } | null;
  findings: CheckFinding[];
};
export type CheckOptions = Pick<FolderOptions, "folder" | "keysFolder" | "connections"> & {
  /** Rebuild the views in a scratch folder and compare. */
  deep: boolean;
  onProgress(part: string, share: number): void;
};

const findingCountMax = 1_000;

/** @throws NoLedgerError. All damage is told as findings; they end at about a thousand. */
export async function checkFolder(options: CheckOptions): Promise<CheckReport> {
  const { folder, deep, onProgress } = options;
  const path = requireLedger(folder);
  const inLog = await checkLog(path, (done, total) => onProgress("log", done / total));
  const findings: CheckFinding[] = inLog.map((finding) => ({ part: "log", ...finding }));
  const inVault = await vaultFindings(options);
  findings.push(...inVault);
  const report: CheckReport = { events: 0, findings };
  let log: (Log & { close(): void }) | undefined;
  try {
    log = openSqliteLog(path);
    report.events = log.head();
    const erased = erasedBy(log, keysFolderOf(options));
    if (inVault.length === 0) findings.push(...(await unburied(options, erased)));
    for await (const finding of eventFindings(log, erased, onProgress)) {
      findings.push(finding);
      if (findings.length >= findingCountMax) return report;
    }
    if (deep) await compare(folder, log, report, onProgress, "views");
    if (deep) await compare(folder, log, report, onProgress, "past");
  } catch (error) {
    if (inLog.length === 0) findings.push({ part: "log", kind: "unreadable", message: messageOf(error) });
  } finally {
    log?.close();
  }
  return report;
}

async function vaultFindings(options: CheckOptions): Promise<CheckFinding[]> {
  const path = vaultPath(resolve(options.folder));
  // Opening makes what is not there, and a new vault in the place of a lost one would hide the loss.
  if (!isNode(resolve(options.folder)) && !existsSync(path))
    return [{ part: "vault", kind: "missing", message: `there is no vault ${path}` }];
  try {
    await (await openVault(options)).close();
    return [];
  } catch (error) {
    return [{ part: "vault", kind: "unopenable", message: messageOf(error) }];
  }
}

/** Whoever the log, or a tombstone beside the key, says was erased. */
function erasedBy(log: Log, keysFolder: string): SubjectId[] {
  const state = decodeAll(log.readStream("ledger")).reduce(
    (before, event) => ledgerRecord.evolve(before, event as Recorded<LedgerEvent>),
    ledgerRecord.initialState,
  );
  const subjects = [...erasuresOf(state), ...openTombstones(keysFolder).all()].map(({ subject }) => subject);
  return [...new Set(subjects)];
}

const openVault = (options: CheckOptions): Promise<ErasableVault> =>
  openVaultOf({ folder: resolve(options.folder), keysFolder: keysFolderOf(options), connections: options.connections });

async function unburied(options: CheckOptions, erased: readonly SubjectId[]): Promise<CheckFinding[]> {
  const vault = await openVault(options);
  const buried = new Set(vault.tombstones().map(({ subject }) => subject));
  await vault.close();
  return erased
    .filter((subject) => !buried.has(subject))
    .map((subject) => ({ part: "vault", kind: "not-erased", message: `${subject} was erased, and ${nextStart}` }));
}

const nextStart = "the vault does not know of it; the next start finishes the erasure";

const pageCount = 1_000;

async function* eventFindings(
  log: Log,
  erased: readonly SubjectId[],
  onProgress: CheckOptions["onProgress"],
): AsyncGenerator<CheckFinding> {
  const head = log.head();
  const blanked = blanking(erased);
  let logTime = "";
  for (let position = 0; position < head;) {
    const page = log.readAll(position, Math.min(pageCount, head - position));
    for (const stored of page) {
      const { finding, recordedAt, isClockCorrected } = looked(stored, logTime);
      if (finding !== undefined) yield { part: "events", position: stored.position, ...finding };
      else if (erased.length > 0 && (blanked(stored) ?? stored.ciphertext) !== (stored.ciphertext?.trimEnd() ?? null))
        yield { part: "events", position: stored.position, kind: "not-erased", message: notErased(stored) };
      logTime = isClockCorrected || recordedAt > logTime ? recordedAt : logTime;
    }
    position = page.at(-1)?.position ?? head;
    onProgress("events", position / head);
    await turn();
  }
}

const notErased = ({ position }: StoredEvent): string =>
  `the ciphertext of somebody who was erased is still there at position ${position}; the next start overwrites it`;

type Looked = { finding?: Pick<CheckFinding, "kind" | "message">; recordedAt: string; isClockCorrected?: boolean };

/** One event: can it be read, has it the shape of its type, is its leaf canonical, does log time go on. */
function looked(stored: StoredEvent, logTime: string): Looked {
  const at = (kind: string, message: string) => ({ kind, message: `${message} at position ${stored.position}` });
  let event;
  try {
    event = decode(stored);
  } catch (error) {
    return { finding: at("undecodable", messageOf(error)), recordedAt: logTime };
  }
  if (event === null)
    return { finding: at("unknown-type", "an event of a type that this release does not know"), recordedAt: logTime };
  const { type, recordedAt } = event;
  const isClockCorrected = type === "ClockCorrected";
  const shape = eventSchemas[type].safeParse(event.data);
  if (!shape.success) {
    const [issue] = shape.error.issues;
    return { finding: at("invalid", `${type} /${issue!.path.join("/")}: ${issue!.message}`), recordedAt };
  }
  // The nodes of a cluster may be some seconds behind each other.
  if (recordedAt < logTime && !isClockCorrected && addMs(recordedAt, clockSkewMsMax) < logTime)
    return { finding: at("time", `${type} was recorded at ${recordedAt}, before its predecessor`), recordedAt };
  if (!isCanonical(stored.leaf)) return { finding: at("not-canonical", `the leaf of ${type} is not canonical JSON`), recordedAt };
  return { recordedAt, isClockCorrected };
}

const isCanonical = (leaf: Uint8Array): boolean =>
  Buffer.compare(canonicalBytes(JSON.parse(Buffer.from(leaf).toString("utf8"))), leaf) === 0;

async function compare(
  folder: string,
  log: Log,
  report: CheckReport,
  onProgress: CheckOptions["onProgress"],
  part: "views" | "past",
): Promise<void> {
  const derived = part === "views" ? derivedViews : derivedPast;
  const compared = await compareDerived(derived, folder, log, ({ position, head }) => onProgress(part, position / head));
  if (compared === null) {
    report[part] = null;
    return;
  }
  const { position, digest, expected } = compared;
  report[part] = { position, digest };
  if (digest === expected) return;
  const where = `the ${part} at position ${position}`;
  const message = `${where}: the digest is ${digest}, a rebuild gives ${expected}; \`troth rebuild\` mends that`;
  report.findings.push({ part, kind: "digest", message });
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
};
