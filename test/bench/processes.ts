import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Linux counts CPU time in hundredths of a second, whatever the kernel's own tick is (sysconf(_SC_CLK_TCK)). */
const TICKS_A_SECOND = 100;

/** Memory of a process in bytes: what it has now, and the most that it ever had. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** CPU time that a process has used, in seconds, of the kernel on its behalf too. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything; fields 14 and 15 are utime and stime (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** The process whose command line begins with a program of this name and mentions `argument`. */
export function findProcess(program: string, argument: string): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = commandLine(pid);
    if (basename(command[0] ?? '').startsWith(program) && command.some((part) => part.includes(argument))) return Number(pid);
  }
  throw new Error(`there is no process ${program} with ${argument}`);
}

function commandLine(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // It ended while we were looking.
    return [];
  }
}
