/* SPDX-License-Identifier: Apache-2.0 */
#include "model/check.h"
void check_virtual_service(struct check *c, const void *spec){(void)c;(void)spec;}
void check_destination_rule(struct check *c, const void *spec){(void)c;(void)spec;}
void check_gateway(struct check *c, const void *spec){(void)c;(void)spec;}
void check_service_entry(struct check *c, const void *spec){(void)c;(void)spec;}
void check_workload_entry(struct check *c, const void *spec){(void)c;(void)spec;}
void check_sidecar(struct check *c, const void *spec){(void)c;(void)spec;}
void check_service(struct check *c, const void *spec){(void)c;(void)spec;}
void check_secret(struct check *c, const void *spec){(void)c;(void)spec;}
void check_config_map(struct check *c, const void *spec){(void)c;(void)spec;}
#ifdef STUB
#endif
void check_mesh_config(const struct node *root, struct diags *ds){(void)root;(void)ds;}
void check_mesh_networks(const struct node *root, struct diags *ds){(void)root;(void)ds;}
