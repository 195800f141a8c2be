// SPDX-License-Identifier: Apache-2.0
// client.js TARGET N: calls N times, prints as JSON who answered how often.
'use strict';
const grpc = require('@grpc/grpc-js');
require('@grpc/grpc-js-xds').register();

const [target, calls] = [process.argv[2], Number(process.argv[3])];
const same = (bytes) => bytes;
const client = new grpc.Client(target, grpc.credentials.createInsecure());

function who() {
	return new Promise((resolve, reject) => {
		const options = { deadline: Date.now() + 30000 };
		const metadata = new grpc.Metadata({ waitForReady: true });
		client.makeUnaryRequest('/e2e.Echo/Who', same, same, Buffer.alloc(0), metadata, options,
			(error, answer) => (error ? reject(error) : resolve(answer.toString())));
	});
}

(async () => {
	const got = {};
	for (let i = 0; i < calls; i++) {
		const name = await who();
		got[name] = (got[name] || 0) + 1;
	}
	console.log(JSON.stringify(got));
	process.exit(0);
})().catch((error) => {
	console.error(error);
	process.exit(1);
});
