/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ingress.h"

#include <string.h>

static bool is_mode(const struct mesh_config *m, const char *mode)
{
	return m->ingress_controller_mode && strcmp(m->ingress_controller_mode, mode) == 0;
}

const char *ingress_refusal(const struct object *ingress, const struct object *class_or_null,
			    const struct mesh_config *m, struct arena *a)
{
	const char *name = object_spec(ingress, k_ingress)->class_name, *controller;
	const char *note = strmap_get(&ingress->annotations, "kubernetes.io/ingress.class");

	if (!is_mode(m, "STRICT") && !is_mode(m, "DEFAULT"))
		return "MeshConfig ingressControllerMode is OFF";
	if (name && !class_or_null)
		return arena_printf(a, "there is no IngressClass %.253s", name);
	if (note)
		return m->ingress_class && strcmp(note, m->ingress_class) == 0
			   ? NULL
			   : arena_printf(a,
					  "its annotation says class %.253s, and MeshConfig "
					  "ingressClass is %.253s",
					  note, m->ingress_class ? m->ingress_class : "");
	if (class_or_null) {
		controller = object_spec(class_or_null, k_ingress_class)->controller;
		return controller && strcmp(controller, INGRESS_CONTROLLER) == 0
			   ? NULL
			   : arena_printf(a, "the controller of IngressClass %.253s is %.253s",
					  name, controller ? controller : "");
	}
	return is_mode(m, "DEFAULT")
		   ? NULL
		   : "it names no class, and MeshConfig ingressControllerMode is STRICT";
}

struct strmap ingress_selector(const struct mesh_config *m, struct arena *a)
{
	struct str_pair *v = arena_new(a, struct str_pair);
	const char *service = m->ingress_service ? m->ingress_service : "";

	*v = (struct str_pair){"istio", "ingressgateway"};
	if (m->ingress_selector && *m->ingress_selector)
		v->value = m->ingress_selector;
	else if (*service && strcmp(service, "istio-ingressgateway") != 0)
		v->value = service;
	return (struct strmap){.v = v, .n = 1};
}
