// From a click in one browser to the change on another one's screen. `node scripts/measure-click.mjs [clicks]`
import { call, launchBrowser, newAgent, openTicket, signIn } from "../e2e/support.mjs";
import { deskWith, figure, share } from "./measure-support.mjs";

const [clicks = 200] = process.argv.slice(2).map(Number);

const desk = await deskWith(200);
const browser = await launchBrowser();
try {
  const [ada, bo] = [await newAgent(desk, "Ada"), await newAgent(desk, "Bo")];
  const [hers, his] = [await signIn(browser, desk, ada), await signIn(browser, desk, bo)];
  const { id } = (await call(desk, "GET", "/tickets?page[size]=1")).data[0];
  await call(desk, "PATCH", `/tickets/${id}`, { priority: "normal" });
  await openTicket(hers, desk, id);
  await openTicket(his, desk, id);
  const wanted = ["Urgent", "Low", "High", "Normal"];
  const times = [];
  for (let click = 0; click < clicks; click += 1) {
    const [here, there] = click % 2 === 0 ? [hers, his] : [his, hers];
    const priority = wanted[click % wanted.length];
    await here.getByRole("button", { name: "Priority" }).click();
    const item = here.getByRole("menuitemradio", { name: priority });
    await item.waitFor();
    const seen = there.evaluate(
      (text) =>
        new Promise((done) => {
          const field = document.querySelector("[data-field=priority]");
          const look = () => {
            if (!field.textContent.includes(text)) return;
            watch.disconnect();
            done(performance.timeOrigin + performance.now());
          };
          const watch = new MutationObserver(look);
          watch.observe(document.body, { subtree: true, childList: true, characterData: true });
          look();
        }),
      priority,
    );
    const clicked = await item.evaluate((element) => {
      const at = performance.timeOrigin + performance.now();
      element.click();
      return at;
    });
    times.push((await seen) - clicked);
  }
  const p99 = share(times, 0.99);
  console.log(
    `${clicks} clicks: p50 ${share(times, 0.5).toFixed(1)} ms, max ${Math.max(...times).toFixed(1)} ms`,
  );
  figure("click to the other browser's screen, p99", p99, "ms", "< 100 ms", p99 < 100);
} finally {
  await browser.close();
  await desk.stop();
}
