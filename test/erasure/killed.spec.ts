/** A process killed between any two steps of an erasure: the next start finishes it before anybody is answered. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { checkFolder } from "../../src/composition/folder-check.ts";
import { removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { aProcess } from "../event-store/support/processes.ts";
import { found, type Needle } from "../support/bytes.ts";
import { patiently, runningServer } from "../support/server.ts";
import { killPoints } from "./support/erasing-process.ts";
import { anna, ben, eventsIn, filesOf, keysOf, ledgerWithText, tracesOf } from "./support/ledger-with-text.ts";

const later = removedAtEnd();
let made: string;
let secret: string;
let traces: Needle[];
let othersTraces: Needle[];
beforeAll(async () => {
  made = join(scratchFolder(later), "data");
  secret = await ledgerWithText(made, 1_100);
  // Some of each step: to look for all of them takes minutes.
  const some = (all: Needle[]) => all.filter((_, index) => index < 10 || index % 25 === 0);
  [traces, othersTraces] = [some(tracesOf(made, anna)), some(tracesOf(made, ben))];
  expect(traces.length).toBeGreaterThan(60);
  expect(new Set(found(filesOf(made), traces).map((line) => line.split(" ")[1])).size, "the search finds them").toBe(
    traces.length,
  );
});

const checked = (folder: string) => checkFolder({ folder, deep: false, onProgress: () => undefined });

type Opened = { opened?: { subject: string; status: string }[]; type: string };

describe.each(killPoints)("a process killed in an erasure, at: %s", { timeout: 180_000 }, (point) => {
  it("leaves one that the next start finishes before it answers, once", async () => {
    const data = join(scratchFolder(), "data");
    cpSync(made, data, { recursive: true });
    cpSync(keysOf(made), keysOf(data), { recursive: true });
    const { exited } = aProcess("../../erasure/support/erasing-process.ts", [data, anna, point]);
    expect((await exited)[1]).toBe("SIGKILL");
    const kinds = (await checked(data)).findings.map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(["all steps overwritten", "done"].includes(point) ? [] : ["not-erased"]));
    const server = await runningServer(data, secret);
    try {
      expect(found(filesOf(data), traces), "while it serves").toEqual([]);
      const headers = { authorization: `Bearer ${secret}`, accept: "application/x-ndjson" };
      const answer = await (await patiently(`${server.url}/v1/events?open=true`, { headers })).text();
      const events = answer.split("\n").flatMap((line): Opened[] => (line === "" ? [] : [JSON.parse(line) as Opened]));
      const statuses = (subject: string) => [
        ...new Set(
          events.flatMap(({ opened = [] }) => opened.filter((one) => one.subject === subject).map(({ status }) => status)),
        ),
      ];
      expect([statuses(anna), statuses(ben)]).toEqual([["erased"], ["opened"]]);
    } finally {
      expect(await server.stop()).toBe(0);
    }
    expect(found(filesOf(data), traces), "and once it has stopped").toEqual([]);
    expect(found(filesOf(data), othersTraces)).toHaveLength(othersTraces.length);
    const again = await troth(["erase", anna, "--yes", "--data", data, "--json"]);
    expect(JSON.parse(again.out)).toEqual({ subject: anna, erased: false });
    expect(eventsIn(data).filter(({ type }) => type === "SubjectErased")).toHaveLength(1);
    expect((await checked(data)).findings).toEqual([]);
  });
});
