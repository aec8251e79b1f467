/*
 * limits - what a sandbox may use: read from its spec, with defaults and the machine's own bounds
 *
 * Pure. Quantities are Kubernetes': "500m", "1.5", "512Mi", "2G", "1e9".
 */
#ifndef LOCAL_LIMITS_H
#define LOCAL_LIMITS_H

#include "coreweave/sandbox/v1/sandbox.pb-c.h"

#include "common/util.h"

#define LIMITS_DISK_BYTES ((uint64_t)16 << 30)
#define LIMITS_FILES 1000000
#define LIMITS_MEMORY_SHARE 2 /* without a limit: that part of the machine's memory */
#define LIMITS_MEMORY_MIN_BYTES ((uint64_t)16 << 20) /* less starts nothing */

struct limits {
	uint64_t memory_bytes, disk_bytes, files;
	uint64_t cpu_milli; /* thousandths of a processor; 0: all there are */
};

/* In thousandths, rounded up. -EINVAL: not a quantity; -ERANGE: too large. */
int limits_quantity(const char *text, uint64_t *ret_milli);
/* In whole units, rounded up; also -EINVAL for 0. */
int limits_bytes(const char *text, uint64_t *ret);
/* Of a spec that was checked. A sandbox has what its containers have together. */
void limits_of(const Coreweave__Sandbox__V1__SandboxSpec *spec, uint64_t machine_memory_bytes,
	struct limits *ret);
/* Memory that has to be there: what its containers request together. */
uint64_t limits_requested_bytes(const Coreweave__Sandbox__V1__SandboxSpec *spec);

#endif
