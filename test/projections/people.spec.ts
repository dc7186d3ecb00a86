/** A person's row is where the domain says the person is. */
import { describe, expect, it } from "vitest";
import { dayAt } from "../support/portfolio.ts";
import { testLedger } from "../support/ledger.ts";

describe("a move that is told late", () => {
  it("changes where a person was, and not where it is", async () => {
    const ledger = testLedger(dayAt(130));
    const { id } = await ledger.run("add-person", { team: "north", at: dayAt(0) });
    await ledger.run("move-person", { team: "south", at: dayAt(50) }, { person: id });
    await ledger.run("move-person", { team: "west", at: dayAt(20) }, { person: id });
    await ledger.host.caughtUp(ledger.store.log.head());

    const { team, places } = ledger.host.views.get<{ team: string; places: string }>(`SELECT * FROM people WHERE id = ?`, [id])!;
    expect(team).toBe("south");
    expect((JSON.parse(places) as { team: string }[]).map((place) => place.team)).toEqual(["north", "west", "south"]);
  });

  it("from before it left brings nobody back", async () => {
    const ledger = testLedger(dayAt(130));
    const { id } = await ledger.run("add-person", { team: "north", at: dayAt(0) });
    await ledger.run("person-left", { at: dayAt(50) }, { person: id });
    await ledger.run("move-person", { team: "west", at: dayAt(20) }, { person: id });
    await ledger.host.caughtUp(ledger.store.log.head());

    const { status } = ledger.host.views.get<{ status: string }>(`SELECT status FROM people WHERE id = ?`, [id])!;
    expect(status).toBe("left");
  });
});
