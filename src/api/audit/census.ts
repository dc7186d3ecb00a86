/** The last census over HTTP: its root, and one account's line in it with the proof. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import { decodeCensusLine } from "../../audit/census.ts";
import { toBase64 } from "../../audit/encoding.ts";
import { accountId, type AccountId } from "../../domain/values.ts";
import type { RecordedCensus } from "../../transparency/census.ts";
import type { Admission } from "../admission.ts";
import { sendJson } from "../answer.ts";
import type { ApiDeps } from "../deps.ts";
import { ApiError } from "../problem.ts";

export const censusLineParams = z.strictObject({ account: accountId });

const shown = ({ event, position, treeSize, accounts, root }: RecordedCensus) => ({
  event,
  position,
  treeSize,
  accounts,
  root: toBase64(root),
});

export function mountCensus(app: FastifyInstance, { census }: ApiDeps, admit: Admission): void {
  if (census === undefined) return;
  const answer = (reply: FastifyReply, body: object) => sendJson(reply.header("cache-control", "no-cache"), JSON.stringify(body));
  const latest = (): RecordedCensus => {
    const last = census.latest();
    if (last === undefined) throw new ApiError("census-missing", "No census has been taken of this log yet.");
    return last;
  };

  app.get("/v1/audit/census", {
    onRequest: admit("audit"),
    handler: (_request, reply) => answer(reply, shown(latest())),
  });

  app.get("/v1/audit/census/:account", {
    schema: { params: censusLineParams },
    onRequest: admit("audit"),
    handler: (request, reply) => {
      const { account } = request.params as { account: AccountId };
      const { treeSize } = latest();
      const proved = census.proofOf(account);
      if (proved === undefined)
        throw new ApiError("account-not-counted", `${account} has no event among the first ${treeSize} of the log.`);
      const { line, index, proof, census: of } = proved;
      const { events } = decodeCensusLine(line);
      const text = Buffer.from(line).toString("utf8");
      return answer(reply, { account, events, line: text, index, proof: proof.map(toBase64), census: shown(of) });
    },
  });
}
