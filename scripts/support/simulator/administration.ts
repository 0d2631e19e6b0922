/** What an operator does: enrols devices, revokes them, and says which policies are in force. */
import type { Identity } from "@tillwire/client/api";
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import type { Database } from "@tillwire/server/store/database";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

export class Administration {
  #enrolments = 0;

  constructor(
    private readonly world: World,
    /** Who needs no node to turn to the database. */
    private readonly operator: Database,
  ) {}

  /** A code, and what becomes of it. @returns null: it could not be done now */
  async enrol(machine: Machine, deviceId: string, role = machine.plan.role): Promise<Identity | null> {
    const node = this.world.node?.node;
    if (!node) return null;
    try {
      const { kind, shop, name } = machine.plan;
      const { code } = await node.enrolments.create(`shop-${shop}`, name, kind === "seed" ? "script" : role);
      const identity: Identity = await node.enrolments.enrol({ code, deviceId }, name);
      this.world.model.revoked.delete(`shop-${shop}/${deviceId}`);
      machine.identity = identity;
      return identity;
    } catch {
      return null;
    }
  }

  /** @param asBefore under the id that it had; else as a new device */
  async enrolAnew(machine: Machine, asBefore: boolean): Promise<void> {
    const { world } = this;
    const known = machine.identity?.deviceId;
    this.#enrolments += 1;
    const deviceId = asBefore && known ? known : `device-${machine.name}-${this.#enrolments}`;
    // Now and then as what may not write: what waits there is refused then, and must stay visible.
    const identity = await this.enrol(machine, deviceId, world.random.chance(0.3) ? "display" : machine.plan.role);
    if (!identity) return;
    world.retired.delete(machine);
    world.trace.add(machine.name, `is enrolled as ${deviceId}`);
    world.coverage.add("did enrol anew");
    for (const { replica } of machine.tabs) await replica?.reauthenticate(identity);
  }

  async revoke(machine: Machine): Promise<void> {
    const { world } = this;
    const node = world.node?.node;
    const { identity } = machine;
    if (!node || !identity || world.machines.length - world.retired.size <= 2) return;
    try {
      if (!(await node.devices.revoke(identity.storeId, identity.deviceId))) return;
    } catch {
      return;
    }
    world.model.revoked.add(`${identity.storeId}/${identity.deviceId}`);
    world.retired.add(machine);
    world.model.lostHolder(machine.name);
    world.trace.add(machine.name, "is revoked");
    world.coverage.add("did revoke");
    node.sessions.cut(identity.storeId, identity.deviceId, "DEVICE_REVOKED", "the device was revoked");
  }

  /** As somebody whose statement comes first. */
  async setPolicyAtOnce(storeId: string, collection: string, policy: ConflictPolicy): Promise<void> {
    await this.operator.shops.setPolicies(storeId, { [collection]: policy }, "admin");
  }

  async setPolicy(collection: string, policy: ConflictPolicy | null, shop: number): Promise<void> {
    const { world } = this;
    const storeId = `shop-${world.plan.shops === 1 ? 0 : shop}`;
    await world.node?.node?.shops.setPolicies(storeId, { [collection]: policy }, "admin").catch(() => undefined);
  }
}
