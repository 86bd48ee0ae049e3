// A Daybook server of a test's own: the real binary on a free port, with a database file that can
// outlive it. Stopping it is stopping a process, not a switch in the browser.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const BINARY = process.env.DAYBOOK_BIN ?? resolve("../target/release/daybook");
const SITE = process.env.DAYBOOK_SITE ?? resolve("../target/site");
const START_TIMEOUT_MS = 20_000;

export class Daybook {
  private process: ChildProcess | undefined;
  private output = "";

  private constructor(
    private readonly folder: string,
    readonly port: number,
  ) {}

  static async start(): Promise<Daybook> {
    const folder = await mkdtemp(join(tmpdir(), "daybook-"));
    const daybook = new Daybook(folder, await freePort());
    await daybook.start();
    return daybook;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  async start(): Promise<void> {
    this.process = spawn(BINARY, [], {
      env: {
        ...process.env,
        DAYBOOK_ADDR: `127.0.0.1:${this.port}`,
        DAYBOOK_SITE: SITE,
        DATABASE_URL: `sqlite:${join(this.folder, "daybook.sqlite")}`,
      },
    });
    const keep = (bytes: Buffer) => {
      this.output += bytes.toString();
    };
    this.process.stdout?.on("data", keep);
    this.process.stderr?.on("data", keep);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.answers())) {
      if (this.process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the server did not start:\n${this.output}`);
      }
      await new Promise((next) => setTimeout(next, 30));
    }
  }

  /** Ends the process as a power cut would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends the process as an operator would, and waits until it is gone. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
  }

  /** Holds the process still: connections stay open and nothing is answered. */
  freeze(): void {
    this.process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.process?.kill("SIGCONT");
  }

  async remove(): Promise<void> {
    this.thaw();
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const running = this.process;
    this.process = undefined;
    if (running && running.exitCode === null && running.signalCode === null) {
      const exited = once(running, "exit");
      running.kill(signal);
      await exited;
    }
  }

  private async answers(): Promise<boolean> {
    const answer = await fetch(`${this.url}/healthz`).catch(() => undefined);
    return answer?.status === 200;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
