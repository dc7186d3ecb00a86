/** How far long work has come: a bar where a person watches, a line now and then elsewhere. */
import type { Shell } from "./shell.ts";

export type Progress = {
  /** `share` of the whole in 0..1. Cheap: most calls write nothing. */
  at(share: number, what: string): void;
  /** Ends the bar's line. */
  end(): void;
};

const barIntervalMs = 100;
const lineIntervalMs = 5_000;
const barWidth = 30;

export function progressOn({ err }: Pick<Shell, "err">, now: () => number = Date.now): Progress {
  const intervalMs = err.isTTY ? barIntervalMs : lineIntervalMs;
  let lastAt = now();
  let isOpen = false;
  return {
    at(share, what) {
      if (now() - lastAt < intervalMs) return;
      lastAt = now();
      isOpen = err.isTTY === true;
      err.write(isOpen ? `\r\u001b[K${bar(share)} ${what}` : `${percent(share)} ${what}\n`);
    },
    end() {
      if (isOpen) err.write("\r\u001b[K");
      isOpen = false;
    },
  };
}

const clamped = (share: number): number => Math.min(1, Math.max(0, Number.isFinite(share) ? share : 1));
const percent = (share: number): string => `${Math.floor(clamped(share) * 100)} %`.padStart(5);

function bar(share: number): string {
  const full = Math.round(clamped(share) * barWidth);
  return `[${"#".repeat(full)}${"-".repeat(barWidth - full)}] ${percent(share)}`;
}
