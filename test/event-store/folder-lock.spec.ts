import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FolderInUseError, lockFolder } from "../../src/event-store/folder-lock.ts";
import { aFolder } from "./support/folder.ts";
import { aProcess, killed } from "./support/processes.ts";

describe("the lock of a data folder", () => {
  it("is held by one process, whose pid the others are told", async () => {
    const folder = aFolder();
    const { child, lines } = aProcess("./locking-process.ts", [folder]);
    await once(lines, "line");
    const locking = () => lockFolder(folder);
    expect(locking).toThrow(FolderInUseError);
    expect(locking).toThrow(`the folder ${folder} is in use by process ${child.pid}`);
    expect(locking).toThrow(expect.objectContaining({ folder, pid: child.pid }));
  });

  it("is free again once its holder was killed, whatever files it left", async () => {
    const folder = aFolder();
    const { child, exited, lines } = aProcess("./locking-process.ts", [folder]);
    await once(lines, "line");
    await killed(child, exited);
    expect(existsSync(join(folder, "troth.pid"))).toBe(true);
    lockFolder(folder).release();
  });

  it("is free again once its holder has ended well", async () => {
    const folder = aFolder();
    const { child, exited, lines } = aProcess("./locking-process.ts", [folder]);
    await once(lines, "line");
    child.stdin!.end();
    expect(await exited).toEqual([0, null]);
    lockFolder(folder).release();
  });

  it("keeps the same process out too, until it is released", () => {
    const folder = aFolder();
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ pid: process.pid }));
    lock.release();
    lock.release();
    expect(existsSync(join(folder, "troth.pid"))).toBe(false);
    lockFolder(folder).release();
  });

  it("goes by the lock, not by the pid that a file names", () => {
    const folder = aFolder();
    writeFileSync(join(folder, "troth.pid"), "1\n");
    lockFolder(folder).release();
  });

  it("does not bar another folder", () => {
    const lock = lockFolder(aFolder());
    lockFolder(aFolder()).release();
    lock.release();
  });
});
