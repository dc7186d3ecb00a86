import { describe, expect, it } from "vitest";
import { isOurs, person, type PersonCommand, type PersonEvent, teamAt } from "../../src/domain/person.ts";
import { on, specFor, type Told } from "../support/spec.ts";
import { account, customer as id, otherAccount, slug } from "./parties.examples.ts";

const { given, stateAfter } = specFor(person, `person-${id}`);
type Bare<Command> = Command extends unknown ? Omit<Command, "id"> : never;
const command = (of: Bare<PersonCommand>): PersonCommand => ({ id, ...of }) as PersonCommand;
const at = on("2026-06-01");
const [north, south] = [slug("north"), slug("south")];

const added: Told<PersonEvent> = { type: "PersonAdded", data: { team: north }, at: on("2026-01-01") };
const atAccount: Told<PersonEvent> = { type: "PersonAdded", data: { account }, at: on("2026-01-01") };
const moved = (when: string, place: { account?: typeof account; team?: typeof north }): Told<PersonEvent> => ({
  type: "PersonMoved",
  data: place,
  at: on(when),
});
const left = (when: string): Told<PersonEvent> => ({ type: "PersonLeft", data: {}, at: on(when) });

describe("adding a person", () => {
  const add = command({ type: "AddPerson", account, sealed: { name: "Ada Kessler", email: "ada@kessler.example" }, at });
  it("records where it belongs, and seals who it is", () =>
    given()
      .when(add)
      .then({
        type: "PersonAdded",
        data: { account, team: undefined, source: undefined },
        account,
        personal: [
          { subject: id, field: "name", value: "Ada Kessler" },
          { subject: id, field: "email", value: "ada@kessler.example" },
        ],
      }));
  it("happens once", () => given(atAccount).when(add).thenRefused("person-exists"));
});

describe("changing a person", () => {
  const change = command({ type: "ChangePerson", sealed: { phone: "+49 30 1" }, at });
  it("records sealed text alone", () =>
    given(atAccount)
      .when(change)
      .then({ type: "PersonChanged", data: {}, account, personal: [{ subject: id, field: "phone", value: "+49 30 1" }] }));
  it("adds nothing without a text", () =>
    given(added)
      .when(command({ type: "ChangePerson", sealed: {}, at }))
      .thenNothing());
  it("is refused before it is added, and once it left", () => {
    given().when(change).thenRefused("person-not-found");
    given(added, left("2026-02-01")).when(change).thenRefused("person-left");
  });
});

describe("moving a person", () => {
  const move = (team: typeof north, when = "2026-06-01") => command({ type: "MovePerson", team, at: on(when) });
  it("records the new place", () =>
    given(added)
      .when(move(south))
      .then({ type: "PersonMoved", data: { account: undefined, team: south } }));
  it("adds nothing where it is there already", () => given(added).when(move(north)).thenNothing());
  it("compares with where it was at that date", () => {
    const told = [added, moved("2026-05-01", { team: south })];
    given(...told)
      .when(move(south))
      .thenNothing();
    given(...told)
      .when(move(south, "2026-03-01"))
      .then({ type: "PersonMoved", data: { account: undefined, team: south } });
  });
  it("brings back somebody who had left", () => {
    expect(stateAfter(added, left("2026-02-01"), moved("2026-03-01", { team: north }))).toMatchObject({
      status: "here",
      team: north,
    });
    expect(given(added, left("2026-02-01")).when(move(north)).outcome()).toEqual(["PersonMoved"]);
  });
  it("told late, changes where a person was, not where it is", () => {
    expect(stateAfter(added, moved("2026-05-01", { team: south }), moved("2026-03-01", { account: otherAccount }))).toMatchObject(
      { team: south },
    );
    expect(stateAfter(added, left("2026-04-01"), moved("2026-03-01", { team: south }))).toMatchObject({
      status: "left",
      team: south,
    });
  });
  it("is refused before it is added", () => given().when(move(south)).thenRefused("person-not-found"));
});

describe("a person who leaves", () => {
  const leave = command({ type: "LeavePerson", at });
  it("is recorded once", () => {
    given(atAccount).when(leave).then({ type: "PersonLeft", data: {}, account });
    given(added, left("2026-02-01")).when(leave).thenNothing();
  });
  it("is refused before it is added", () => given().when(leave).thenRefused("person-not-found"));
});

describe("where a person belongs", () => {
  it("is us, without an account", () => {
    expect(isOurs({})).toBe(true);
    expect(isOurs({ account })).toBe(false);
  });
  it("is the team of the date, also when that is none, and the first team before that", () => {
    const places = [{ team: south, from: on("2026-03-01") }, { team: north, from: on("2026-02-01") }, { from: on("2026-04-01") }];
    expect(["2026-01-01", "2026-02-15", "2026-03-01", "2026-05-01"].map((date) => teamAt(places, on(date)))).toEqual([
      north,
      north,
      south,
      undefined,
    ]);
  });
});
