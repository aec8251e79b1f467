// model - the terminal model, by way of the co-process term-model
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export class Model {
	constructor(build, program = 'term-model') {
		this.child = spawn(join(build, 'tests/term-tools', program), { stdio: ['pipe', 'pipe', 'inherit'] });
		this.waiting = [];
		this.got = Buffer.alloc(0);
		this.child.stdout.on('data', data => {
			this.got = this.got.length ? Buffer.concat([this.got, data]) : data;
			this.take();
		});
		this.child.on('exit', code => {
			for (const w of this.waiting)
				w.reject(new Error(`${program} ended with ${code}`));
		});
	}

	take() {
		while (this.waiting.length) {
			const end = this.got.indexOf(10), n = end < 0 ? 0 : Number(this.got.subarray(0, end).toString());

			if (end < 0 || this.got.length < end + 1 + n)
				return;
			this.waiting.shift().resolve(this.got.subarray(end + 1, end + 1 + n));
			this.got = this.got.subarray(end + 1 + n);
		}
	}

	ask(line, bytes) {
		this.child.stdin.write(line + '\n');
		if (bytes?.length)
			this.child.stdin.write(bytes);
		return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
	}

	fresh(cols, rows, lines = 1000) {
		return this.ask(`new ${cols} ${rows} ${lines}`);
	}

	feed(bytes) {
		return this.ask(`feed ${bytes.length}`, bytes);
	}

	filter(bytes) {
		return this.ask(`filter ${bytes.length}`, bytes);
	}

	async pending() {
		return Number((await this.ask('pending')).toString());
	}

	async dump() {
		return JSON.parse((await this.ask('dump')).toString());
	}

	end() {
		this.child.stdin.end();
	}
}
