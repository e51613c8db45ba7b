import { Info } from "lucide-react";
import { Popover } from "radix-ui";
import { metricWords, figureWords as words } from "@/app/strings/figures";

/** What a figure means and how it is counted, where the figure is. */
export function About({ metric }: { metric: string }) {
  const [name, what, how] = metricWords(metric);
  return <Explain name={name} what={what} how={how} />;
}

export function Explain({ name, what, how }: { name: string; what: string; how?: string }) {
  return (
    <Popover.Root>
      <Popover.Trigger
        aria-label={words.about(name)}
        className="inline-flex size-5 shrink-0 items-center justify-center rounded text-ink-3 hover:bg-hover hover:text-ink coarse:size-9"
      >
        <Info className="size-3.5" aria-hidden="true" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-40 w-72 max-w-[90vw] animate-pop rounded-lg bg-raised p-3 text-left font-normal text-sm shadow-pop outline-none"
        >
          <p className="font-medium">{what}</p>
          {how ? <p className="mt-1 text-ink-3 text-xs">{how.replaceAll("`", "")}</p> : null}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
