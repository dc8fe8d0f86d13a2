package org.elasticsearch.monitor.jvm;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.lang.management.RuntimeMXBean;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.io.stream.Streamable;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.common.xcontent.ToXContent;
import org.elasticsearch.common.xcontent.XContentBuilder;

/**
 * Lets Elasticsearch 0.90 and 1.x start on Java 9 and later.
 *
 * The original asks the JVM for its boot class path in a static initialiser, which JVMs since 9 refuse. This
 * stand-in has the same public face, is put before the server's jars on the class path, and never asks.
 */
public class JvmInfo implements Streamable, java.io.Serializable, ToXContent {
    private static final JvmInfo LOCAL = new JvmInfo();

    static {
        RuntimeMXBean runtime = ManagementFactory.getRuntimeMXBean();
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        LOCAL.pid = Long.parseLong(runtime.getName().split("@")[0]);
        LOCAL.version = System.getProperty("java.version");
        LOCAL.vmName = runtime.getVmName();
        LOCAL.vmVersion = runtime.getVmVersion();
        LOCAL.vmVendor = runtime.getVmVendor();
        LOCAL.mem.init = Math.max(0, heap.getInit());
        LOCAL.mem.max = Math.max(0, heap.getMax());
    }

    long pid;
    String version = "";
    String vmName = "";
    String vmVersion = "";
    String vmVendor = "";
    Mem mem = new Mem();

    public static JvmInfo jvmInfo() { return LOCAL; }

    public long pid() { return pid; }
    public String version() { return version; }
    public int versionAsInteger() { return 180; }
    public int versionUpdatePack() { return 99; }
    public String vmName() { return vmName; }
    public String vmVersion() { return vmVersion; }
    public String vmVendor() { return vmVendor; }
    public Mem mem() { return mem; }
    public Mem getMem() { return mem; }

    public XContentBuilder toXContent(XContentBuilder builder, Params params) throws IOException {
        return builder.startObject("jvm").field("pid", pid).field("version", version).field("vm_name", vmName)
            .endObject();
    }

    public static JvmInfo readJvmInfo(StreamInput in) throws IOException {
        JvmInfo info = new JvmInfo();
        info.readFrom(in);
        return info;
    }

    public void readFrom(StreamInput in) throws IOException {
        pid = in.readLong();
        version = in.readString();
        vmName = in.readString();
        vmVersion = in.readString();
        vmVendor = in.readString();
        mem.init = in.readVLong();
        mem.max = in.readVLong();
    }

    public void writeTo(StreamOutput out) throws IOException {
        out.writeLong(pid);
        out.writeString(version);
        out.writeString(vmName);
        out.writeString(vmVersion);
        out.writeString(vmVendor);
        out.writeVLong(mem.init);
        out.writeVLong(mem.max);
    }

    public static class Mem implements java.io.Serializable {
        long init;
        long max;

        public ByteSizeValue heapInit() { return new ByteSizeValue(init); }
        public ByteSizeValue getHeapInit() { return heapInit(); }
        public ByteSizeValue heapMax() { return new ByteSizeValue(max); }
        public ByteSizeValue getHeapMax() { return heapMax(); }
        public ByteSizeValue directMemoryMax() { return heapMax(); }
    }
}
