import { Skeleton } from "@/components/ui/skeleton";
import { strings } from "./strings/strings";

/** The shape of the inbox before anything is known. */
export function BootScreen() {
  return (
    <div role="status" className="flex h-full">
      <span className="sr-only">{strings.page.loading}</span>
      <div className="hidden w-[clamp(12.5rem,14vw,16rem)] flex-col gap-3 p-4 lg:flex">
        <Skeleton className="mb-3 h-6 w-28" />
        {["w-24", "w-32", "w-20", "w-28", "w-24"].map((width, row) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the rows never move
          <Skeleton key={row} className={`h-4 ${width}`} />
        ))}
      </div>
      <div className="flex w-full flex-col gap-5 border-l p-4 md:w-[clamp(20rem,24vw,30rem)]">
        <Skeleton className="mb-1 h-6 w-36" />
        {[0, 1, 2, 3, 4, 5, 6].map((row) => (
          <div key={row} className="flex flex-col gap-2">
            <Skeleton className="h-3.5 w-2/5" />
            <Skeleton className="h-3.5 w-4/5" />
          </div>
        ))}
      </div>
      <div className="hidden flex-1 border-l bg-surface md:block" />
    </div>
  );
}
