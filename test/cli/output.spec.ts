import { describe, expect, it } from "vitest";
import { prettyLine } from "../../src/cli/pretty-log.ts";
import { progressOn } from "../../src/cli/progress.ts";

describe("a log line for the eye", () => {
  it("says what a request came to", () => {
    const line = {
      level: 30,
      time: 0,
      pid: 7,
      msg: "request",
      method: "POST",
      route: "/v1/promises",
      status: 201,
      ms: 3.1,
      key: "key_1",
    };
    expect(prettyLine(JSON.stringify(line))).toBe("00:00:00.000 info  POST /v1/promises 201 3.1 ms key_1");
  });

  it("says anything else with what came along", () => {
    const line = { level: 50, time: 1_500, pid: 7, hostname: "h", msg: "store-full", fault: { name: "Error" } };
    expect(prettyLine(JSON.stringify(line))).toBe('00:00:01.500 error store-full fault={"name":"Error"}');
  });

  it("is left alone where it is no JSON", () => expect(prettyLine("plain\n")).toBe("plain"));
});

describe("progress", () => {
  function told(isTTY: boolean, calls: readonly [afterMs: number, share: number][]): string {
    let text = "";
    let now = 0;
    const progress = progressOn({ err: { isTTY, write: (more) => (text += more) } }, () => now);
    for (const [afterMs, share] of calls) {
      now += afterMs;
      progress.at(share, "rows");
    }
    progress.end();
    return text;
  }

  it("is a bar on a terminal, drawn now and then and wiped at the end", () => {
    const bar = `[${"#".repeat(15)}${"-".repeat(15)}]  50 % rows`;
    expect(
      told(true, [
        [10, 0.1],
        [100, 0.5],
        [10, 0.6],
      ]),
    ).toBe(`\r\u001b[K${bar}\r\u001b[K`);
  });

  it("is a line every few seconds elsewhere, and nothing for short work", () => {
    expect(
      told(false, [
        [4_000, 0.2],
        [1_000, 0.255],
        [1_000, 0.3],
      ]),
    ).toBe(" 25 % rows\n");
    expect(told(false, [[100, 0.9]])).toBe("");
    expect(told(false, [[5_000, Number.NaN]])).toBe("100 % rows\n");
  });
});
