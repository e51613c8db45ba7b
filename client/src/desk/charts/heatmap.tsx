import { figureWords as words } from "@/app/strings/figures";
import { Skeleton } from "@/components/ui/skeleton";
import { timeOfDay, weekdays } from "../format-time";
import { about } from "./figure-text";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
/** Sizes that can be told apart. */
const LEVELS = 5;

/** The hours of a week: how much is told by the size of a dot and its strength, and in words to whoever asks for them. */
export function Heatmap({ label, cells }: { label: string; cells: readonly (readonly number[])[] | null }) {
  if (cells === null) return <Skeleton className="h-48 w-full" />;
  const most = Math.max(0, ...cells.flat());
  const hourName = (hour: number) => timeOfDay(new Date(1970, 0, 5, hour).toISOString());
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <div tabIndex={0} className="scroll-thin relative overflow-x-auto">
      <table className="w-full min-w-[34rem] table-fixed text-2xs text-ink-3">
        <caption className="sr-only">{label}</caption>
        <thead>
          <tr>
            <td className="w-10" />
            {HOURS.map((hour) => (
              <th key={hour} scope="col" className="h-6 font-normal tabular-nums">
                <span className="sr-only">{hourName(hour)}</span>
                <span aria-hidden="true">{hour % 3 === 0 ? hour : ""}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weekdays().map((day, index) => (
            <tr key={day}>
              <th scope="row" className="pr-2 text-left font-normal">
                {day}
              </th>
              {HOURS.map((hour) => {
                const value = cells[index]?.[hour] ?? 0;
                const level = most > 0 ? Math.ceil((value / most) * LEVELS) : 0;
                const text = words.overview.perHour(about(value));
                return (
                  <td
                    key={hour}
                    title={`${day} ${hourName(hour)}: ${text}`}
                    className="h-6 p-px min-[2200px]:h-9"
                  >
                    <span className="flex h-full items-center justify-center rounded-sm bg-sunken">
                      <span
                        aria-hidden="true"
                        className="aspect-square rounded-full bg-accent"
                        style={{ height: `${level * 18}%`, opacity: 0.35 + level * 0.13 }}
                      />
                      <span className="sr-only">{text}</span>
                    </span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
