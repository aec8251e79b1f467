/*
 * exec_output - output frames of StreamExec, written around bytes that are in place
 *
 * Pure. A frame is prefix, ExecStreamResponse.output head, data. The data is read to where the
 * longest head for such a buffer ends; a shorter head moves it down.
 */
#ifndef LOCAL_EXEC_OUTPUT_H
#define LOCAL_EXEC_OUTPUT_H

#include "common/wire/grpc.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"

/* Bytes of the head of a frame that fills n bytes of buffer: where data is to be read to. */
size_t exec_output_head_max(size_t n);
/* Writes the frame of n_data > 0 bytes at buf + at to buf; returns its length. */
size_t exec_output_frame(uint8_t *buf, size_t at, size_t n_data,
	Coreweave__Sandbox__V1__ExecStreamOutput__Stream stream);

#endif
