// @vitest-environment jsdom
import { act, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { followPreferences } from "@/desk/follow-preferences";
import { keymap } from "@/desk/keymap";
import { useAction } from "@/keyboard/actions";
import { stage } from "../../../tests/render-desk";
import { Shortcuts } from "./shortcuts";

afterEach(() => keymap.set({}));

function Replies({ onReply }: { onReply: () => void }) {
  useAction({ id: "reply", title: "Reply", section: "ticket", keys: "r", run: onReply });
  return <Shortcuts />;
}

async function keys() {
  let replies = 0;
  const staged = await stage(() => (
    <Replies
      onReply={() => {
        replies += 1;
      }}
    />
  ));
  const end = followPreferences(staged.desk.preferences);
  const button = () => screen.getByRole("button", { name: /^Other keys for: Reply / });
  const press = (key: string, more: object = {}) =>
    act(async () => {
      fireEvent.keyDown(document.activeElement ?? document.body, { key, ...more });
    });
  const rebind = async (key: string, more: object = {}) => {
    act(() => button().focus());
    fireEvent.click(button());
    await press(key, more);
    act(() => button().blur());
  };
  return { staged, end, press, rebind, button, replies: () => replies };
}

test("C65: an action moves to other keys, and back", async () => {
  const { staged, end, press, rebind, replies } = await keys();
  await rebind("y", { ctrlKey: true });
  expect(staged.desk.preferences.now.get().shortcuts).toEqual({ r: "mod+y" });
  await press("r");
  expect(replies()).toBe(0);
  await press("y", { ctrlKey: true });
  expect(replies()).toBe(1);
  fireEvent.click(screen.getByRole("button", { name: "As it was: Reply" }));
  expect(staged.desk.preferences.now.get().shortcuts).toEqual({});
  await press("r");
  expect(replies()).toBe(2);
  end();
});

test("C65: keys that something else has are refused, by its name", async () => {
  const { staged, end, rebind } = await keys();
  await rebind("k", { ctrlKey: true });
  expect(screen.getByRole("alert").textContent).toBe("Taken by: Command palette");
  expect(staged.desk.preferences.now.get().shortcuts).toEqual({});
  end();
});
