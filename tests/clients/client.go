// A client on grpc-go without generated code: messages are bytes. Arguments: HOST:PORT CA-FILE KEY SANDBOX.
// Says what GetSandbox, StreamLogs and StreamExec gave, a line each.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const service = "/coreweave.sandbox.v1.SandboxService/"

type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

func text(number byte, value []byte) []byte {
	if len(value) > 127 {
		log.Fatal("only short fields")
	}
	return append([]byte{number<<3 | 2, byte(len(value))}, value...)
}

func drain(stream grpc.ClientStream) []byte {
	var all, one []byte
	for {
		err := stream.RecvMsg(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, one...)
	}
}

func open(ctx context.Context, c *grpc.ClientConn, method string, first []byte) grpc.ClientStream {
	both := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := c.NewStream(ctx, both, service+method)
	if err == nil {
		err = stream.SendMsg(&first)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil {
		log.Fatal(err)
	}
	return stream
}

func main() {
	creds, err := credentials.NewClientTLSFromFile(os.Args[2], "")
	if err != nil {
		log.Fatal(err)
	}
	c, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	id := text(1, []byte(os.Args[4]))
	var answer []byte
	err = c.Invoke(ctx, service+"GetSandbox", &id, &answer)
	fmt.Printf("refused %s\n", status.Code(err))
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Args[3])
	if err = c.Invoke(ctx, service+"GetSandbox", &id, &answer); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("GetSandbox %q\n", answer)
	fmt.Printf("StreamLogs %q\n", drain(open(ctx, c, "StreamLogs", id)))
	init := append(id, text(2, []byte("echo"))...)
	init = append(init, text(2, []byte("from the program"))...)
	fmt.Printf("StreamExec %q\n", drain(open(ctx, c, "StreamExec", text(1, init))))
}
