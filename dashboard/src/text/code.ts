// The code to get started, with this host filled in. The tests run it.
import { HOST } from "../data/client";

export interface Sample {
  name: string;
  install: string;
  code: string;
}

export const SAMPLES: [Sample, ...Sample[]] = [
  {
    name: "curl",
    install: "",
    code: `curl ${HOST}/v1/events/ingest \\
  -H "Authorization: Bearer $AUREON_ACCESS_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"events": [{
    "external_customer_id": "user_123",
    "name": "api_usage",
    "metadata": {"units": 3}
  }]}'

curl ${HOST}/v1/customers/external/user_123/state \\
  -H "Authorization: Bearer $AUREON_ACCESS_TOKEN"`,
  },
  {
    name: "TypeScript",
    install: "npm install @polar-sh/sdk@0.49.0",
    code: `import { Polar } from "@polar-sh/sdk";

const aureon = new Polar({
  accessToken: process.env.AUREON_ACCESS_TOKEN,
  serverURL: "${HOST}",
});

await aureon.events.ingest({
  events: [{
    externalCustomerId: "user_123",
    name: "api_usage",
    metadata: { units: 3 },
  }],
});

const state = await aureon.customers.getStateExternal({
  externalId: "user_123",
});
for (const { balance } of state.activeMeters) {
  console.log(\`\${Math.max(0, -balance)} credits left\`);
}`,
  },
  {
    name: "Python",
    install: "pip install polar-sdk==0.32.0",
    code: `import os

from polar_sdk import Polar

aureon = Polar(
    access_token=os.environ["AUREON_ACCESS_TOKEN"],
    server_url="${HOST}",
)

aureon.events.ingest(request={
    "events": [{
        "external_customer_id": "user_123",
        "name": "api_usage",
        "metadata": {"units": 3},
    }],
})

state = aureon.customers.get_state_external(external_id="user_123")
for meter in state.active_meters:
    print(f"{max(0, -meter.balance):g} credits left")`,
  },
];
