/** `troth demo`: the founding story, recorded in a ledger of its own over the real API, and shown for the eye. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { issueKeyFor } from "../../commands/administration.ts";
import { holdsLedger, initLedger, type OpenLedger } from "../../composition/ledger-folder.ts";
import { keyScope } from "../../domain/key.ts";
import type { Slug } from "../../domain/values.ts";
import { ApiClient } from "../api-client.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { openFolder } from "../folder.ts";
import { type Look, lookFor, widthOf } from "../look.ts";
import { servedForOneself } from "../served.ts";
import { say, type Shell } from "../shell.ts";
import { askAll } from "./answers.ts";
import { picture } from "./picture.ts";
import { recordStory, verdictsOnRecord } from "./record.ts";
import { type Story, usualRenewal } from "./story.ts";

type Flags = { data?: string; keep?: boolean; ascii?: boolean };

export const demoCommand = (shell: Shell): Command =>
  new Command("demo")
    .summary("tell the founding story on a ledger of its own, and show what follows")
    .description(
      "Starts a server on a free port of this machine, records the founding story over HTTP with dates of its own, and shows the answers: trust and what moved it, the keeping rate, dormancy, the balance of selling and relationship, each promise with its evidence. Takes some seconds and leaves nothing behind.",
    )
    .option("--data <folder>", "record it in this folder, and leave it there")
    .option("--keep", "keep the temporary folder and say where it lies")
    .option("--ascii", "draw with ASCII letters")
    .addHelpText(
      "after",
      `
NO_COLOR=1 prints without colours; elsewhere than on a terminal there are none.

Examples:
  troth demo
  troth demo --keep
  troth demo --data ./demo-data && troth serve --data ./demo-data
${exitCodesHelp("done", "usage", "folderInUse", "network")}`,
    )
    .action(async (flags: Flags) => demo(shell, flags));

type Place = { folder: string; secret: string; ledger: OpenLedger; remove(): void; isKept: boolean };

async function demo(shell: Shell, flags: Flags): Promise<void> {
  const look = lookFor(shell, flags.ascii);
  const place = await placeFor(flags);
  try {
    const server = await servedForOneself(place.ledger);
    try {
      await tell(shell, look, new ApiClient(server.url, place.secret));
    } finally {
      await server.close();
    }
    say(shell, ...farewell(look, place));
  } finally {
    place.remove();
  }
}

async function tell(shell: Shell, look: Look, api: ApiClient): Promise<void> {
  say(shell, look.bold("Troth: a ledger of promises"), "", `A server on ${api.url} takes the story down, request by request.`);
  const story = await recordStory(api, usualRenewal(new Date()));
  say(shell, ...outline(story));
  const verdicts = await verdictsOnRecord(api);
  const answers = await askAll(api);
  say(shell, ...picture({ answers, verdicts, story, look, width: widthOf(shell) }));
}

const outline = ({ promisedOn, visits, movedVisit, lateVisit, upTo, commands }: Story): string[] => [
  `An account had been silent for ten years. On the third visit, on ${promisedOn}, a salesman`,
  "made two promises: an hour's visit every two weeks without a briefcase, and no selling for a year.",
  `Of ${visits} visits number ${movedVisit} was moved by agreement, and number ${lateVisit} came late, within its grace.`,
  `On Friday ${upTo.slice(0, 10)} the whole fleet was renewed. (${commands.length} commands recorded.)`,
];

/** A folder with an open ledger, and a key for it. */
async function placeFor({ data, keep }: Flags): Promise<Place> {
  if (data !== undefined && holdsLedger(data)) return placeIn(data);
  const root = data === undefined ? mkdtempSync(join(tmpdir(), "troth-demo-")) : undefined;
  const folder = data ?? join(root!, "data");
  const { ledger, secret } = await initLedger({ folder, name: "demo", adminScopes: keyScope.options });
  const isKept = root === undefined || keep === true;
  const remove = () => (isKept ? undefined : rmSync(root, { recursive: true, force: true }));
  return { folder: resolve(folder), secret, ledger, isKept, remove };
}

async function placeIn(folder: string): Promise<Place> {
  const ledger = await openFolder({ folder });
  const key = { label: "demo" as Slug, scopes: [...keyScope.options] };
  const { secret } = await issueKeyFor(ledger.desk, key, { kind: "system", id: "command-line" });
  return { folder: resolve(folder), secret, ledger, isKept: true, remove: () => undefined };
}

function farewell(look: Look, { folder, secret, isKept }: Place): string[] {
  const data = isKept ? ` --data ${folder}` : "";
  const place = isKept ? [`The ledger lies in ${folder}; a key for it:`, `  ${secret}`, ""] : [];
  return [
    "",
    look.bold("What next"),
    ...place,
    `  npm start${data === "" ? "" : ` --${data}`}   serves ${isKept ? "this ledger" : "a ledger of your own"} and, at its first start, prints an admin key`,
    "  http://127.0.0.1:7407/docs   every request, to read and to try",
    '  curl -H "Authorization: Bearer $TROTH_KEY" http://127.0.0.1:7407/v1/accounts',
    isKept ? "" : "Nothing of the demo was left behind; --keep leaves it to look at.",
  ].filter((line, index, all) => line !== "" || index < all.length - 1);
}
