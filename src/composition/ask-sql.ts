/** Asking a folder's views in SQL, with limits on time, rows and memory. */
import { fork } from "node:child_process";
import type { FromSqlProcess, SqlCell, SqlRequest } from "./sql-process.ts";

/** The statement was not answered, and why. Nothing was changed: it could not. */
export class SqlError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "SqlError";
  }
}

export type SqlReader = {
  columns(names: readonly string[]): void;
  rows(rows: readonly SqlCell[][]): void;
};

const heapMbMax = 128;

/** @throws SqlError for what SQL does not know, for what is not let in, and for what took too long or gave too many rows. */
export function askSql(request: SqlRequest, timeoutMs: number, reader: SqlReader): Promise<void> {
  const child = fork(new URL("./sql-process.ts", import.meta.url), {
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${heapMbMax}`],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    // It needs none of what this process was told.
    env: { ...(process.env["PATH"] === undefined ? {} : { PATH: process.env["PATH"] }), NODE_NO_WARNINGS: "1" },
  });
  return new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new SqlError(reason));
    };
    const timer = setTimeout(() => fail(`it took longer than ${timeoutMs / 1_000} s; --seconds gives it more`), timeoutMs);
    child.on("message", (message: FromSqlProcess) => {
      switch (message.type) {
        case "columns":
          return reader.columns(message.names);
        case "rows":
          return reader.rows(message.rows);
        case "failed":
          return fail(message.message);
        case "done":
          if (message.isCut)
            return fail(`there are more than ${request.rowCountMax} rows; LIMIT asks for fewer, --rows lets more through`);
          clearTimeout(timer);
          return resolve();
      }
    });
    child.on("error", (error) => fail(error.message));
    // After everything that it said.
    child.on("disconnect", () => fail("it ended without an answer, for want of memory perhaps"));
    child.send(request);
  });
}
