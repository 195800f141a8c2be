/* SPDX-License-Identifier: Apache-2.0
 *
 * What the agent is told: by options, then by the environment (Istio's names), then by the ProxyConfig, then as
 * it is by default. Thread: any.
 */
#ifndef NAVAGENT_OPTIONS_H
#define NAVAGENT_OPTIONS_H

#include "agent/agent.h"
#include "base/args.h"

extern const struct args_command navagent_command;

/* Texts are borrowed from args and the environment, or in a. */
int options_fill(const struct args *args, struct agent_opts *out, struct arena *a, struct err *e);

#endif
