import { execFileSync } from "node:child_process";
import { onTestFinished } from "vitest";
import { aFolder } from "./folder.ts";

/** A folder on a file system of its own with this much room; undefined where this user may not mount one. */
export function aSmallDisk(bytes: number): string | undefined {
  const folder = aFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", ["-l", folder]);
  });
  return folder;
}
