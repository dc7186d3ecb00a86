/** `troth status`: what a folder holds and who holds the folder. */
import { Command } from "commander";
import { type FolderStatus, statusOfFolder } from "../composition/folder-status.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { counts: boolean; json?: boolean };

export const statusCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("status")))
    .summary("say what a ledger holds, how far its views are, and who works on it")
    .description("Looks at the data folder and changes nothing; it may run beside a server.")
    .option("--no-counts", "do not count events by type, which reads the whole log")
    .addHelpText(
      "after",
      `
Examples:
  troth status
  troth status --json | jq .head
${exitCodesHelp("done", "noLedger", "unusable")}`,
    )
    .action(async (flags: Flags) => status(shell, flags));

async function status(shell: Shell, flags: Flags): Promise<void> {
  const progress = progressOn(shell);
  const found = await statusOfFolder(folderOf(flags, shell).folder, {
    count: flags.counts,
    onProgress: (done, total) => progress.at(done / total, `counted ${done} of ${total} events`),
  });
  progress.end();
  if (flags.json) sayJson(shell, found);
  else say(shell, ...lines(found));
}

function* lines({
  folder,
  ledger,
  head,
  lastRecordedAt,
  views,
  past,
  inUseBy,
  cluster,
  openLoads,
  bytes,
  signed,
  anchored,
  eventsByType,
}: FolderStatus) {
  yield `ledger      ${ledger ?? "unnamed"} in ${folder}`;
  yield `in use      ${inUseBy === null ? "by nobody" : `by process ${inUseBy.pid ?? "unknown"}`}`;
  if (cluster !== null) yield `node        of what lies under ${cluster.prefix} on its cluster`;
  yield `events      ${head}, the last one recorded at ${lastRecordedAt ?? "no time yet"}`;
  yield `views       ${views === null ? "none yet; the next start builds them" : `at position ${views.position}, ${views.lag} events behind`}`;
  if (past !== null) yield `past        at position ${past.position}, ${past.lag} events behind`;
  yield `signed      ${signed === null ? "nothing yet" : `up to ${signed.size} events`}`;
  if (anchored !== null) {
    const names = anchored.by.map(({ witness, at }) => `${witness} at ${at ?? "no time that can be"}`);
    yield `anchored    up to ${anchored.size} events, seen by ${names.join(" and ")}`;
  }
  yield `files       ledger ${mib(bytes.ledger)}, vault ${mib(bytes.vault)}, views ${mib(bytes.views)}${past === null ? "" : `, past ${mib(bytes.past)}`}`;
  for (const { recording, source, startedAt } of openLoads) yield `open load   ${recording} from ${source}, since ${startedAt}`;
  for (const [type, count] of Object.entries(eventsByType ?? {})) yield `  ${String(count).padStart(10)}  ${type}`;
}

const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
