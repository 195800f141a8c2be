/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of names, for agents that answer DNS.
 */
#include "xds/build_int.h"

#include "pb/nds.h"

void build_names(const struct ir_names *ir, struct build_out *out)
{
	struct w_name_table m = w_name_table_root(out->w);
	struct pb_bytes bytes;

	for (size_t i = ir->n; i-- > 0;) {
		const struct ir_name *name = &ir->v[i];
		struct w_name_info info = w_name_table_table_put_begin(m);

		if (name->shortname) {
			w_name_info_namespace(info, name->ns);
			w_name_info_shortname(info, name->shortname);
		}
		w_name_info_registry(info, name->registry);
		for (size_t k = name->ips.n; k-- > 0;)
			w_name_info_ips(info, name->ips.v[k]);
		w_name_table_table_put_end(m, info, name->host);
	}
	bytes = pbw_finish(out->w);
	out->bytes = bytes.p;
	out->len = bytes.n;
}
