import { join } from "node:path";
import { renameSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/event-store/event-store.ts";
import { type ReceivedEvent } from "../../../src/event-store/kurrentdb/cluster-event.ts";
import { type Copy, CopyBrokenError, openCopy } from "../../../src/event-store/kurrentdb/copy.ts";
import { checkLog } from "../../../src/event-store/sqlite/check-log.ts";
import { openSqliteEventStore } from "../../../src/event-store/sqlite/sqlite-event-store.ts";
import { openSqliteLog } from "../../../src/event-store/sqlite/sqlite-log.ts";
import { anEvent, idsOf } from "../support/events.ts";
import { aFolder } from "../support/folder.ts";

const fleet = "account-fleet";
const visit = "interaction-visit";
const at = (commit: number, prepare = commit) => ({ commit: BigInt(commit), prepare: BigInt(prepare) });

const given = (stream: string, revision: number, commit: number, prepare = commit): ReceivedEvent => ({
  ...{ ...anEvent(stream, revision), stream, revision, place: at(commit, prepare) },
});

function opened(path = join(aFolder(), "copy.db")): Copy & { path: string; reopened(): Copy } {
  const copy = openCopy(path, "troth");
  const reopened = (): Copy => {
    copy.close();
    return openCopy(path, "troth");
  };
  return { ...copy, path, reopened };
}

describe("the copy of a node", () => {
  it("takes events at positions without a gap, whatever their places on the cluster", () => {
    const copy = opened();
    const events = [given(fleet, 0, 17), given(visit, 0, 900), given(fleet, 1, 1_800)];
    expect(copy.take(events).taken.map(({ position }) => position)).toEqual([1, 2, 3]);
    expect(idsOf(copy.log.readAll(0, 10))).toEqual(idsOf(events));
    expect([copy.head(), copy.revisionOf(fleet), copy.revisionOf(visit), copy.revisionOf("promise-none")]).toEqual([3, 1, 0, -1]);
  });

  it("goes on, when opened anew, behind the last event that it took", () => {
    const copy = opened();
    copy.take([given(fleet, 0, 17), given(fleet, 1, 900, 880)]);
    const again = copy.reopened();
    expect([again.place(), again.head(), again.revisionOf(fleet)]).toEqual([at(900, 880), 2, 1]);
    expect(again.take([given(fleet, 2, 1_000)]).taken[0]).toMatchObject({ position: 3, revision: 2 });
  });

  it("leaves out what it is given a second time", () => {
    const copy = opened();
    const events = [given(fleet, 0, 17), given(visit, 0, 900), given(fleet, 1, 1_800)];
    copy.take(events);
    const next = given(fleet, 2, 2_000);
    expect(idsOf(copy.take([...events.slice(1), next]).taken)).toEqual([next.id]);
    expect(copy.reopened().take([...events, next]).taken).toEqual([]);
  });

  it("tells events of one commit apart by their prepare position", () => {
    const copy = opened();
    const events = [given(fleet, 0, 500, 100), given(fleet, 1, 500, 200), given(fleet, 2, 500, 300)];
    copy.take(events.slice(0, 2));
    expect(idsOf(copy.take(events.slice(1)).taken)).toEqual([events[2]!.id]);
  });

  it("stops before a revision that is missing, and keeps what came before", () => {
    const copy = opened();
    const { taken, broken } = copy.take([given(fleet, 0, 17), given(visit, 0, 30), given(fleet, 2, 50), given(visit, 1, 60)]);
    expect(broken?.message).toBe(`the cluster gave revision 2 of stream ${fleet} after revision 0`);
    expect(taken).toHaveLength(2);
    expect(copy.reopened().head()).toBe(2);
  });

  it("stops before a stream that begins in its middle, and before one that begins anew", () => {
    const copy = opened();
    expect(copy.take([given(fleet, 3, 17)]).broken).toBeInstanceOf(CopyBrokenError);
    expect(copy.take([given(fleet, 0, 20), given(fleet, 0, 30)]).broken).toBeInstanceOf(CopyBrokenError);
    expect(copy.head()).toBe(1);
    expect(copy.reopened().take([given(fleet, 0, 30)]).broken?.message).toContain(
      "revision 0 of stream account-fleet after revision 0",
    );
  });

  it("begins behind a place that the cluster only passed, and leaves out nothing for it", () => {
    const copy = opened();
    copy.take([given(fleet, 0, 17)]);
    expect(copy.take([], at(40_000, 0)).taken).toEqual([]);
    expect(copy.place()).toEqual(at(40_000, 0));
    const again = copy.reopened();
    expect(again.place()).toEqual(at(40_000, 0));
    expect(again.take([given(fleet, 1, 30_000)]).taken).toHaveLength(1);
    expect(again.take([], at(20_000)).taken).toEqual([]);
    expect(again.place()).toEqual(at(40_000, 0));
  });

  it("takes nothing of a group that can't be written, and can take it later", () => {
    const copy = opened();
    copy.take([given(fleet, 0, 17)]);
    const group = [given(fleet, 1, 20), given(visit, 0, 30)];
    const aside = `${copy.path}.aside`;
    renameSync(copy.path, aside);
    expect(() => copy.take(group)).toThrow(StoreUnavailableError);
    renameSync(aside, copy.path);
    const unwritable = { ...given(fleet, 2, 40), leaf: undefined as unknown as Uint8Array };
    expect(() => copy.take([...group, unwritable], at(50))).toThrow();
    expect([copy.head(), copy.place(), copy.revisionOf(fleet)]).toEqual([1, at(17), 0]);
    expect(copy.take(group).taken).toHaveLength(2);
  });

  it("is a log like any other to whoever reads the file", async () => {
    const copy = opened();
    copy.take([given(fleet, 0, 17), given(visit, 0, 900), given(fleet, 1, 1_800)]);
    const log = openSqliteLog(copy.path);
    expect(log.readAll(0, 10)).toEqual(copy.log.readAll(0, 10));
    log.close();
    expect(await checkLog(copy.path)).toEqual([]);
  });

  it("is refused as the copy of another prefix, and an embedded ledger as a copy", async () => {
    const copy = opened();
    copy.close();
    expect(() => openCopy(copy.path, "other")).toThrow("is a copy of what lies under troth, not under other");
    const embedded = join(aFolder(), "ledger.db");
    const store = openSqliteEventStore(embedded);
    await store.append(fleet, -1, [anEvent(fleet, 0)]);
    await store.close();
    expect(() => openCopy(embedded, "troth")).toThrow("not copied from a cluster");
  });

  it("keeps the last revisions of more streams than it remembers", () => {
    const copy = opened();
    const streams = Array.from({ length: 10_050 }, (_, index) => `interaction-${index}`);
    copy.take(streams.map((stream, index) => given(stream, 0, 10 + index)));
    expect(copy.take([given(streams[0]!, 1, 20_000), given(streams.at(-1)!, 1, 20_001)]).broken).toBeUndefined();
    expect(copy.take([given(streams[1]!, 2, 20_002)]).broken).toBeInstanceOf(CopyBrokenError);
  });
});
