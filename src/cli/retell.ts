/** `troth replay <account>`: its history retold, step by step. */
import { accountId, type KeyId } from "../domain/values.ts";
import { keyScope } from "../domain/key.ts";
import type { OpenLedger } from "../composition/ledger-folder.ts";
import { FolderInUseError } from "../event-store/folder-lock.ts";
import { accountHistory, type HistoryChange, type HistoryStep } from "../queries/account-history.ts";
import { answer } from "../queries/asking.ts";
import { VantageError } from "../queries/vantage.ts";
import { ApiClient } from "./api-client.ts";
import { CliError } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type Look, lookFor } from "./look.ts";
import { type FolderFlags, folderOf } from "./options.ts";
import { say, sayJson, type Shell } from "./shell.ts";

export type RetellFlags = FolderFlags & { url?: string; key?: string; from?: string; to?: string; json?: boolean };
type Page = { items: HistoryStep[]; next: string | null };
/** Asks for a page of the history, with these parameters of the query. */
type Ask = (query: Record<string, string>) => Promise<Page>;

/** @throws CliError for what is no account, or a place that there is not. */
export async function retell(shell: Shell, account: string, flags: RetellFlags): Promise<void> {
  if (!accountId.safeParse(account).success) throw new CliError(exitCodes.usage, `${account} is no id of an account`);
  const url = flags.url ?? shell.env["TROTH_URL"];
  if (url !== undefined) return tell(shell, flags, fromServer(url, flags.key ?? shell.env["TROTH_KEY"], account));
  return onFolder(shell, flags, async (ledger) => {
    await ledger.host.ready;
    await ledger.host.caughtUp(ledger.store.log.head(), 60_000);
    const caller = { key: "key_0000000000000000" as KeyId, scopes: [...keyScope.options] };
    await tell(shell, flags, async (query) => {
      const request = { params: { account }, query: accountHistory.query.parse(query), caller };
      return (await answer(ledger.readingDesk, accountHistory, request).catch(explained)) as Page;
    });
  });
}

async function onFolder(shell: Shell, flags: RetellFlags, work: (ledger: OpenLedger) => Promise<void>): Promise<void> {
  try {
    await withLedger(folderOf(flags, shell), work);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new CliError(exitCodes.folderInUse, `${error.message}; ask the server that holds it: --url and --key`);
  }
}

function fromServer(url: string, key: string | undefined, account: string): Ask {
  if (key === undefined) throw new CliError(exitCodes.usage, "a server wants an API key: --key or TROTH_KEY");
  const client = new ApiClient(url, key);
  return (query) => client.ask<Page>(`/accounts/${account}/history`, query);
}

function explained(error: unknown): never {
  if (error instanceof VantageError) throw new CliError(exitCodes.usage, `--${error.field.slice(1)}: ${error.message}`);
  throw error;
}

async function tell(shell: Shell, { from, to, json }: RetellFlags, ask: Ask): Promise<void> {
  const look = lookFor(shell);
  const asked = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), limit: "100" };
  for (let after: string | null | undefined; after !== null;) {
    const { items, next } = await ask({ ...asked, ...(after === undefined ? {} : { after }) });
    for (const step of items) {
      if (json) sayJson(shell, step);
      else say(shell, ...linesOf(step, look));
    }
    after = next;
  }
}

function* linesOf({ position, type, occurredAt, recordedAt, meanwhile, changes }: HistoryStep, look: Look): Generator<string> {
  for (const one of meanwhile.filter(isSeen)) yield `        ${look.dim(changeLine(one, look))}`;
  const late = minuteOf(recordedAt) === minuteOf(occurredAt) ? "" : `, recorded ${minuteOf(recordedAt)}`;
  yield `${String(position).padStart(6)}  ${look.bold(type)}  ${minuteOf(occurredAt)}${late}`;
  for (const one of changes.filter(isSeen)) yield `        ${changeLine(one, look)}`;
}

function changeLine({ projection, figure, before, after, reason }: HistoryChange, { ascii }: Look): string {
  const because = reason === null ? "" : `  (${reason})`;
  return `${projection} ${figure}: ${shown(before)} ${ascii ? "->" : "→"} ${shown(after)}${because}`;
}

const minuteOf = (instant: string): string => instant.slice(0, 16).replace("T", " ");

/** Scores forget a little every moment, and people look at three decimals; of what is new they look at what is something. */
const isSeen = ({ before, after }: HistoryChange): boolean =>
  shown(before) !== shown(after) && !(before === null && (after === 0 || after === false || after === "[]"));

function shown(value: HistoryChange["before"]): string {
  if (value === null) return "nothing";
  if (typeof value === "number") return String(Number(value.toFixed(3)));
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? minuteOf(value) : String(value);
}
