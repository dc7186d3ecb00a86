/**
 * Clients of the API of several nodes. One that is not told what became of its request sends it again with the same key, to the next
 * node, until it is told.
 */
import { setTimeout as delay } from "node:timers/promises";

export type AcknowledgedRequest = {
  key: string;
  id: string;
  stream: string;
  revision: number;
  position: number;
  eventIds: string[];
};
type Answer = Pick<AcknowledgedRequest, "id" | "stream" | "revision" | "position"> & { events: { id: string }[] };

export class ClientLoad {
  readonly acknowledged: AcknowledgedRequest[] = [];
  /** Requests that were refused for a while, and those that were never answered. */
  unavailableCount = 0;
  unansweredCount = 0;
  /** Where the nodes are reached; a node that is started again has another address. */
  readonly urls: string[];
  readonly #secret: string;
  readonly #body: object;
  readonly #clients: Promise<void>[];
  #isStopping = false;

  constructor(urls: readonly string[], secret: string, clientCount: number, body: object) {
    this.urls = [...urls];
    this.#secret = secret;
    this.#body = body;
    this.#clients = Array.from({ length: clientCount }, (_, client) => this.#run(client));
  }

  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    while (this.acknowledged.length < wanted) await Promise.race([delay(20), ...this.#clients]);
  }

  /** Resolves once every request that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#clients);
  }

  async #run(client: number): Promise<void> {
    for (let number = 0; !this.#isStopping; number += 1) {
      const key = `client-${client}-${number}`;
      const { events, ...place } = await this.#untilTold(key, client);
      this.acknowledged.push({ key, ...place, eventIds: events.map(({ id }) => id) });
    }
  }

  async #untilTold(key: string, client: number): Promise<Answer> {
    for (let attempt = client; ; attempt += 1) {
      const answer = await this.#send(this.urls[attempt % this.urls.length]!, key);
      if (answer === undefined) this.unansweredCount += 1;
      else if (answer.status === 503) this.unavailableCount += 1;
      else if (answer.status === 200 || answer.status === 201) return answer.json as Answer;
      else throw new Error(`${key} was answered ${answer.status}: ${JSON.stringify(answer.json)}`);
      await delay(50);
    }
  }

  async #send(url: string, key: string): Promise<{ status: number; json: unknown } | undefined> {
    try {
      const answer = await fetch(`${url}/v1/interactions`, {
        method: "POST",
        headers: { authorization: `Bearer ${this.#secret}`, "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify(this.#body),
      });
      return { status: answer.status, json: await answer.json() };
    } catch {
      return undefined;
    }
  }
}
