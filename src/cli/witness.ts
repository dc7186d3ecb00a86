/** `troth witness`: watches the logs of others, and cosigns what extends what it saw. */
import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { AuditError } from "../audit/errors.ts";
import { parsePolicy } from "../audit/policy.ts";
import {
  formatVerifierKey,
  parseVerifierKey,
  type SignerKey,
  signatureType,
  type VerifierKey,
  verifierOf,
} from "../audit/verifier-key.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { portOf, withJson } from "./options.ts";
import { isLoopback, levels, loggerOf, signalled } from "./serving.ts";
import { note, say, sayJson, type Shell } from "./shell.ts";

type Flags = { data?: string; json?: boolean };
type ServeFlags = Flags & { name?: string; log?: string[]; logs?: string; port?: string; host?: string; logLevel?: string };

export const usualWitnessPort = 7408;

export const witnessCommand = (shell: Shell): Command =>
  new Command("witness")
    .summary("watch the logs of others and cosign their tree heads")
    .helpCommand(false)
    .description(
      "A witness sees the tree heads of logs, makes sure that each extends the one before, and cosigns it (C2SP tlog-witness). A log can then show nobody another history without its witnesses finding out. It needs no ledger of its own.",
    )
    .addHelpText(
      "after",
      `
Example: two organisations that watch each other, north and south; each does the same with the names exchanged:
  troth witness init --name north.example/witness --data /srv/witness
                                     prints the witness's key: send it to south
  curl -s https://troth.north.example/v1/audit/key -H "$AUTH"
                                     the key of north's own log: send it to south too
  troth witness serve --data /srv/witness --log 'troth/south+…'
                                     watches south's log; behind TLS as https://witness.north.example
  cat > /srv/witnesses.txt <<END     the policy of north's ledger, with the key of south's witness
  witness south south.example/witness+… https://witness.south.example
  quorum south
  END
  troth serve --data /srv/troth --witnesses /srv/witnesses.txt
${exitCodesHelp("done", "usage", "noLedger", "unusable", "network")}`,
    )
    .addCommand(initCommand(shell))
    .addCommand(serveCommand(shell))
    .addCommand(keyCommand(shell))
    .addCommand(headsCommand(shell))
    .addCommand(forgetCommand(shell));

const withWitness = (command: Command): Command =>
  command.option("--data <folder>", "folder of the witness (TROTH_WITNESS_DATA; ./troth-witness where absent)");
const folderIn = (flags: Flags, { env }: Shell): string => flags.data ?? env["TROTH_WITNESS_DATA"] ?? "./troth-witness";

const initCommand = (shell: Shell): Command =>
  withJson(withWitness(new Command("init")))
    .description(
      "make a witness, and print its public key. Its folder holds the key and what it has cosigned: back it up never, or restore it never; a witness that has forgotten is to be made anew, with a new key",
    )
    .requiredOption("--name <name>", "what it is called for ever: a name of yours on the net, without https://")
    .addHelpText("after", "\nExample:\n  troth witness init --name north.example/witness --data /srv/witness")
    .action(async (flags: Flags & { name: string }) => {
      const { key, states } = await opened(flags, shell, flags.name);
      states.close();
      sayKey(flags, shell, key);
    });

const keyCommand = (shell: Shell): Command =>
  withJson(withWitness(new Command("key")))
    .description("print the witness's public key, for those whose logs it watches and for auditors")
    .addHelpText("after", "\nExample:\n  troth witness key --data /srv/witness")
    .action(async (flags: Flags) => {
      const { key, states } = await opened(flags, shell);
      states.close();
      sayKey(flags, shell, key);
    });

const serveCommand = (shell: Shell): Command =>
  withWitness(new Command("serve"))
    .description("answer the logs that it watches, until a signal ends it")
    .option("--name <name>", "makes the witness where there is none yet, under this name")
    .option("--log <key...>", "public key of a log to watch, as its `audit/key` shows it; may be repeated")
    .option("--logs <file>", "a file with a line `log <key>` for each (C2SP tlog-policy)")
    .option("--port <port>", `port to listen on, 0 for any free one (TROTH_PORT; ${usualWitnessPort} where absent)`)
    .option("--host <address>", "address to listen on (TROTH_HOST; 127.0.0.1 where absent)")
    .addOption(new Option("--log-level <level>", "least level of log lines (TROTH_LOG_LEVEL; info where absent)").choices(levels))
    .addHelpText(
      "after",
      `
Examples:
  troth witness serve --data /srv/witness --logs /srv/watched-logs.txt
  troth witness serve --name north.example/witness --log 'troth/south+…' --port 8081`,
    )
    .action(async (flags: ServeFlags) => serve(shell, flags));

const headsCommand = (shell: Shell): Command =>
  withJson(withWitness(new Command("heads")))
    .description("what it cosigned last of each log; --json has the signed notes")
    .addHelpText("after", "\nExample:\n  troth witness heads --json | jq -r '.items[].note'")
    .action(async (flags: Flags) => {
      const { cosignedHeads } = await import("../composition/witness.ts");
      const witness = await opened(flags, shell);
      const items = cosignedHeads(witness);
      witness.states.close();
      if (flags.json) sayJson(shell, { items });
      else say(shell, ...items.map(({ origin, size, root }) => `${origin}  ${size} leaves  ${root}`));
    });

const forgetCommand = (shell: Shell): Command =>
  withWitness(new Command("forget"))
    .description(
      "let a log begin anew, after its operator has declared a break and you have agreed that it is honest. Prints the head that is given up: keep it, it bears the log's signature",
    )
    .argument("<origin>", "name of the log")
    .addHelpText("after", "\nExample:\n  troth witness forget troth/south --data /srv/witness > given-up.txt")
    .action(async (origin: string, flags: Flags) => {
      const { states } = await opened(flags, shell);
      const state = states.forget(origin);
      states.close();
      if (state === undefined) throw new CliError(exitCodes.usage, `nothing was cosigned for ${origin}`);
      say(shell, state.note.trimEnd());
    });

function sayKey(flags: Flags, shell: Shell, key: SignerKey): void {
  const text = formatVerifierKey(verifierOf(key));
  if (flags.json) sayJson(shell, { name: key.name, key: text });
  else say(shell, text);
}

/** @throws CliError with the reason where there is no witness, or its files can't be used. */
async function opened(flags: Flags, shell: Shell, name?: string) {
  const { openWitness } = await import("../composition/witness.ts");
  try {
    return openWitness(folderIn(flags, shell), name);
  } catch (error) {
    if (error instanceof Error && error.name === "NoWitnessError") throw new CliError(exitCodes.noLedger, error.message);
    if (error instanceof AuditError || (error instanceof Error && error.name === "Error"))
      throw new CliError(exitCodes.unusable, error.message, { cause: error });
    throw error;
  }
}

async function serve(shell: Shell, flags: ServeFlags): Promise<void> {
  const logs = watchedLogs(flags);
  const host = flags.host ?? shell.env["TROTH_HOST"] ?? "127.0.0.1";
  const port = portOf(flags.port, shell, usualWitnessPort);
  const stopped = signalled(shell);
  const { serveWitness } = await import("../composition/witness.ts");
  const witness = await opened(flags, shell, flags.name);
  if (!isLoopback(host)) note(shell, `warning: ${host} is open to other machines; let a proxy with TLS stand before it`);
  const server = await serveWitness(witness, { logs, host, port, logger: loggerOf(shell, flags) });
  const watched = [...new Set(logs.map(({ name }) => name))].join(", ");
  note(
    shell,
    `The witness ${witness.key.name} watches ${watched} at ${server.url}`,
    `  key  ${formatVerifierKey(verifierOf(witness.key))}`,
  );
  await stopped;
  note(shell, "stopping: what is under way is answered; another signal ends at once");
  await server.close();
}

/** @throws CliError for a key that can't be read, one that is no log's, or none at all. */
function watchedLogs({ log = [], logs }: ServeFlags): VerifierKey[] {
  try {
    const keys = [...log.map(parseVerifierKey), ...(logs === undefined ? [] : logsIn(readFileSync(logs, "utf8")))];
    if (keys.length === 0) throw new CliError(exitCodes.usage, "say which logs it watches, with --log or --logs");
    const odd = keys.find(({ type }) => type !== signatureType.ed25519);
    if (odd !== undefined) throw new CliError(exitCodes.usage, `the key of ${odd.name} is not that of a log`);
    return keys;
  } catch (error) {
    if (error instanceof AuditError) throw new CliError(exitCodes.usage, `the key of a log can't be read: ${error.message}`);
    throw error;
  }
}

/** A whole policy will do, and so will its lines of logs alone. */
const logsIn = (file: string): VerifierKey[] =>
  parsePolicy(/^[\t ]*quorum/m.test(file) ? file : `${file}\nquorum none\n`).logs.map(({ key }) => key);
