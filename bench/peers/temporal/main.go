// Measurement of Temporal: a workflow of activities that do nothing, on the server of its own test package.
//
// The server and the worker run in this process. The server stores its data with SQLite in memory, because its test
// package offers nothing else, so no step is durable on a disk. It reads a JSON object from stdin and writes its answer
// to the file that the object names.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.temporal.io/server/temporaltest"
)

const queue = "bench"

type question struct {
	Steps      int    `json:"steps"`
	WarmUp     int    `json:"warm_up"`
	RunsAlone  int    `json:"runs_alone"`
	RunsAtOnce int    `json:"runs_at_once"`
	AtOnce     int    `json:"at_once"`
	Out        string `json:"out"`
}

// silent is a logger that discards everything.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// Step does nothing.
func Step(context.Context) error { return nil }

// Run executes activities, one after the other.
func Run(ctx workflow.Context, steps int) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range steps {
		if err := workflow.ExecuteActivity(ctx, Step).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// one runs one workflow and returns its time in milliseconds.
func one(c client.Client, steps int) float64 {
	begun := time.Now()
	options := client.StartWorkflowOptions{TaskQueue: queue}
	run, err := c.ExecuteWorkflow(context.Background(), options, Run, steps)
	must(err)
	must(run.Get(context.Background(), nil))
	return float64(time.Since(begun).Microseconds()) / 1000
}

func measure(c client.Client, asked question) map[string]float64 {
	for range asked.WarmUp {
		one(c, asked.Steps)
	}
	alone := make([]float64, asked.RunsAlone)
	for at := range alone {
		alone[at] = one(c, asked.Steps)
	}
	slices.Sort(alone)
	var slots sync.WaitGroup
	work := make(chan struct{}, asked.RunsAtOnce)
	for range asked.RunsAtOnce {
		work <- struct{}{}
	}
	close(work)
	begun := time.Now()
	for range asked.AtOnce {
		slots.Go(func() {
			for range work {
				one(c, asked.Steps)
			}
		})
	}
	slots.Wait()
	return map[string]float64{
		"p50, ms":            alone[len(alone)/2],
		"p99, ms":            alone[len(alone)*99/100],
		"16 at once, runs/s": float64(asked.RunsAtOnce) / time.Since(begun).Seconds(),
	}
}

func main() {
	var asked question
	must(json.NewDecoder(os.Stdin).Decode(&asked))
	options := client.Options{Logger: silent{}}
	server := temporaltest.NewServer(temporaltest.WithBaseClientOptions(options))
	server.NewWorker(queue, func(registry worker.Registry) {
		registry.RegisterWorkflow(Run)
		registry.RegisterActivity(Step)
	})
	answer, err := json.Marshal(measure(server.GetDefaultClient(), asked))
	must(err)
	must(os.WriteFile(asked.Out, answer, 0o600))
	server.Stop()
}
