/** `troth serve`: the API and the keeper, until a signal ends them. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { isNode } from "../composition/cluster-node.ts";
import { holdsLedger } from "../composition/ledger-folder.ts";
import type { RunningServer, ServerOptions } from "../composition/serve.ts";
import { AuditError } from "../audit/errors.ts";
import { parsePolicy } from "../audit/policy.ts";
import { requireOfferable, usualAnchoringTimes } from "../transparency/anchoring.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { openFolder } from "./folder.ts";
import { adminKeyLines, makeLedger } from "./init.ts";
import { type FolderFlags, folderOf, portOf, withFolder } from "./options.ts";
import { served } from "./served.ts";
import { isLoopback, levels, loggerOf, signalled } from "./serving.ts";
import { note, type Shell } from "./shell.ts";

type Flags = FolderFlags & { port?: string; host?: string; logLevel?: string; witnesses?: string; anchorEvery?: string };

export const usualPort = 7407;

export const serveCommand = (shell: Shell): Command =>
  withFolder(new Command("serve"))
    .summary("serve the API of a ledger, and put verdicts on record as they fall")
    .description(
      "Serves the HTTP API of the ledger in the data folder and runs its keeper. Makes a ledger where there is none, and prints its admin key this once.\nLog lines go to the output, as JSON unless that is a terminal; all else is said on the error output.\nA first SIGINT or SIGTERM answers what is under way and exits with 0, a second one ends at once.",
    )
    .option("--port <port>", `port to listen on, 0 for any free one (TROTH_PORT; ${usualPort} where absent)`)
    .option("--host <address>", "address to listen on (TROTH_HOST; 127.0.0.1 where absent)")
    .addOption(new Option("--log-level <level>", "least level of log lines (TROTH_LOG_LEVEL; info where absent)").choices(levels))
    .option(
      "--witnesses <file>",
      "policy with the witnesses that are to see the log's tree heads, and where they answer (TROTH_WITNESSES; C2SP tlog-policy)",
    )
    .option(
      "--anchor-every <seconds>",
      `how often new tree heads are offered to them (TROTH_ANCHOR_EVERY; ${usualAnchoringTimes.everyMs / 1000} where absent)`,
    )
    .addHelpText(
      "after",
      `
Examples:
  troth serve
  troth serve --witnesses /srv/witnesses.txt
  troth serve --data /srv/troth --port 8080
  TROTH_DATA=/srv/troth TROTH_HOST=0.0.0.0 troth serve
${exitCodesHelp("done", "usage", "folderInUse", "unusable", "network")}`,
    )
    .action(async (flags: Flags) => serve(shell, flags));

async function serve(shell: Shell, flags: Flags): Promise<void> {
  const where = folderOf(flags, shell);
  const host = flags.host ?? shell.env["TROTH_HOST"] ?? "127.0.0.1";
  const port = portOf(flags.port, shell, usualPort);
  const witnesses = witnessesOf(flags, shell);
  // From here on: whoever starts it may end it before it is up.
  const stopped = signalled(shell);
  if (!isNode(where.folder) && !holdsLedger(where.folder)) {
    const secret = await makeLedger(where);
    note(shell, `Made a ledger in ${resolve(where.folder)}`, ...adminKeyLines(secret));
  }
  if (!isLoopback(host))
    note(
      shell,
      `warning: ${host} is open to other machines; API keys and personal text travel unencrypted unless a proxy adds TLS`,
    );
  const onBuilding = ({ position, head }: { position: number; head: number }) =>
    note(shell, `building the views: ${position} of ${head} events`);
  const server = await served(await openFolder({ ...where, onBuilding }), {
    host,
    port,
    witnesses,
    logger: loggerOf(shell, flags),
  });
  server.app.log.info({ url: server.url, folder: resolve(where.folder) }, "serving");
  note(shell, `Troth serves ${resolve(where.folder)}`, `  API  ${server.url}/v1`, `  docs ${server.url}/docs`);
  await stopped;
  await stop(shell, server);
}

/** @throws CliError for a policy that can't be used, or a period that is none. */
function witnessesOf(flags: Flags, { env }: Shell): ServerOptions["witnesses"] {
  const file = flags.witnesses ?? env["TROTH_WITNESSES"];
  const seconds = Number(flags.anchorEvery ?? env["TROTH_ANCHOR_EVERY"] ?? usualAnchoringTimes.everyMs / 1000);
  if (!(seconds >= 1 && seconds <= 86_400))
    throw new CliError(exitCodes.usage, "--anchor-every is a number of seconds, from 1 to 86400");
  if (file === undefined) return undefined;
  try {
    const policy = parsePolicy(readFileSync(file));
    requireOfferable(policy);
    return { policy, times: { everyMs: seconds * 1000 } };
  } catch (error) {
    const { message, name } = error as Error;
    if (error instanceof AuditError || name === "Error")
      throw new CliError(exitCodes.usage, `${file}: ${message}`, { cause: error });
    throw error;
  }
}

async function stop(shell: Shell, server: RunningServer): Promise<void> {
  note(shell, "stopping: what is under way is answered; another signal ends at once");
  await server.close();
}
